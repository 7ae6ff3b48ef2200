//! Dials: the numbers of an environment's physics or rules that can be set
//! (`cartpole?gravity=12`) and made to drift (`cartpole?drift=gravity:5..15/period=20000`).

/// Declares a struct of dials with [`settings!`](settings::settings), so that a dial is a setting like
/// any other: a name, a plain value, a range and help. In addition, a dial can be turned while the
/// environment runs, by its index among the declared dials.
macro_rules! dials {
    (
        $(#[doc = $doc:literal])*
        $visibility:vis struct $name:ident {
            $( $(#[doc = $help:literal])* $dial:ident = $plain:expr, in $range:expr; )*
        }
    ) => {
        settings::settings! {
            $(#[doc = $doc])*
            $visibility struct $name {
                $( $(#[doc = $help])* $dial: f64 = $plain, in $range; )*
            }
        }

        impl $name {
            /// Sets the dial at this index.
            pub(crate) fn turn(&mut self, place: usize, value: f64) {
                *[$(&mut self.$dial),*][place] = value;
            }
        }
    };
}
pub(crate) use dials;
