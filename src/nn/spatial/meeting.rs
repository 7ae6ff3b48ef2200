//! Which positions of an image meet which positions of its convolution, through which places of the kernel.

use crate::nn::columns::Window;

/// Two positions that meet through a place of the kernel, all numbered row by row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Meeting {
    pub input: usize,
    pub output: usize,
    pub place: usize,
}

/// All that meet; what lies in the padding meets nothing.
pub(super) fn meetings(window: &Window) -> impl Iterator<Item = Meeting> + '_ {
    let Window {
        height,
        width,
        kernel,
        stride,
        padding,
        out_width,
        ..
    } = *window;
    let within = move |output: usize, place: usize, size: usize| {
        (output * stride + place)
            .checked_sub(padding)
            .filter(|&input| input < size)
    };
    (0..window.positions()).flat_map(move |output| {
        (0..kernel * kernel).filter_map(move |place| {
            let row = within(output / out_width, place / kernel, height)?;
            let column = within(output % out_width, place % kernel, width)?;
            Some(Meeting {
                input: row * width + column,
                output,
                place,
            })
        })
    })
}

/// Meetings grouped by `key`, which counts to `n`.
pub(super) fn grouped(
    window: &Window,
    n: usize,
    key: impl Fn(&Meeting) -> usize,
) -> Vec<Vec<Meeting>> {
    let mut groups = vec![Vec::new(); n];
    for meeting in meetings(window) {
        groups[key(&meeting)].push(meeting);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_meets_the_padding() {
        // A 3x3 kernel on one pixel padded by 1: its middle alone.
        let window = Window::new([1, 1, 1], 3, 1, 1).unwrap();
        let middle = Meeting {
            input: 0,
            output: 0,
            place: 4,
        };
        assert_eq!(meetings(&window).collect::<Vec<_>>(), [middle]);
        // With a stride of 2 on 4x4: (2 + 3)^2 meetings.
        let window = Window::new([1, 4, 4], 3, 2, 1).unwrap();
        assert_eq!(meetings(&window).count(), 25);
        let by_input = grouped(&window, 16, |meeting| meeting.input);
        assert_eq!(by_input.iter().flatten().count(), 25);
        assert!(by_input[5].iter().all(|meeting| meeting.input == 5));
    }
}
