//! Which positions of an image reach which positions of its convolution, through which taps of the
//! kernel. A *tap* is a position of the kernel, numbered row by row.

use crate::nn::window::Window;

/// A tap through which a position of the image reaches a position of the output, all numbered row by row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Connection {
    pub input: usize,
    pub output: usize,
    pub tap: usize,
}

/// All connections, output by output, in the order of the taps. Padding has none.
fn connections(window: &Window) -> impl Iterator<Item = Connection> + '_ {
    let Window {
        height,
        width,
        kernel,
        stride,
        padding,
        out_width,
        ..
    } = *window;
    let within = move |output: usize, tap: usize, size: usize| {
        (output * stride + tap)
            .checked_sub(padding)
            .filter(|&input| input < size)
    };
    (0..window.positions()).flat_map(move |output| {
        (0..kernel * kernel).filter_map(move |tap| {
            let row = within(output / out_width, tap / kernel, height)?;
            let column = within(output % out_width, tap % kernel, width)?;
            Some(Connection {
                input: row * width + column,
                output,
                tap,
            })
        })
    })
}

/// The connections in `n` groups, by a key from 0 to `n - 1`.
pub(super) fn grouped(
    window: &Window,
    n: usize,
    key: impl Fn(&Connection) -> usize,
) -> Vec<Vec<Connection>> {
    let mut groups = vec![Vec::new(); n];
    for connection in connections(window) {
        groups[key(&connection)].push(connection);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_has_no_connections() {
        // With a 3x3 kernel on one pixel padded by 1, only the middle is connected.
        let window = Window::new([1, 1, 1], 3, 1, 1).unwrap();
        let middle = Connection {
            input: 0,
            output: 0,
            tap: 4,
        };
        assert_eq!(connections(&window).collect::<Vec<_>>(), [middle]);
        // With a stride of 2 on 4x4 there are (2 + 3)^2.
        let window = Window::new([1, 4, 4], 3, 2, 1).unwrap();
        assert_eq!(connections(&window).count(), 25);
        let by_input = grouped(&window, 16, |connection| connection.input);
        assert_eq!(by_input.iter().flatten().count(), 25);
        assert!(by_input[5].iter().all(|connection| connection.input == 5));
    }
}
