/// Rows and columns of the grid.
pub(super) const SIDE: usize = 10;

/// The greatest x and y: columns count from the left, rows from the top.
pub(super) const LAST: i32 = 9;

/// The next column on the right, or on the left.
pub(super) fn ahead(x: i32, right: bool) -> i32 {
    if right { x + 1 } else { x - 1 }
}

/// Whether a column is on the grid.
pub(super) fn inside(x: i32) -> bool {
    (0..=LAST).contains(&x)
}
