//! The numbers of a step that all weights share, as structs with named fields.

/// The numbers of one step that are the same for every weight, in a fixed order.
///
/// [`scalars!`](crate::scalars) declares such a struct.
pub trait Scalars<T>: Sized {
    /// The fields' names, in order; a nested struct's names stand in its place.
    fn names() -> Vec<&'static str>;

    /// Fills the fields, in order, with the values of `next`.
    fn from_next(next: &mut impl FnMut() -> T) -> Self;

    /// Passes the fields to `each`, in order.
    fn for_each(self, each: &mut impl FnMut(T));
}

/// Declares a generic struct of numbers that share one type. A field with a type holds another such struct.
///
/// ```
/// use optim::{Scalars, scalars};
///
/// scalars! {
///     /// What every weight's gradient is multiplied by.
///     pub struct Signed { sign }
/// }
/// scalars! {
///     /// The numbers of a step.
///     pub struct Step { gradient: Signed, lr }
/// }
/// assert_eq!(<Step<f64> as Scalars<f64>>::names(), ["sign", "lr"]);
/// let step = Step { gradient: Signed { sign: 1.0 }, lr: 0.1 };
/// assert_eq!(step.gradient.sign - step.lr, 0.9);
/// ```
#[macro_export]
macro_rules! scalars {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident { $($field:ident $(: $nested:ident)?),* $(,)? }
    ) => {
        $(#[$meta])*
        #[allow(missing_docs)]
        $visibility struct $name<T> {
            $(pub $field: $crate::scalars!(@type T $($nested)?),)*
        }

        // Not derived, because a derive cannot see through the field types that a macro passes.
        impl<T: Copy> Copy for $name<T> {}
        impl<T: Copy> Clone for $name<T> {
            #[inline(always)]
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<T> $crate::Scalars<T> for $name<T> {
            fn names() -> Vec<&'static str> {
                [$($crate::scalars!(@names T $field $($nested)?)),*].concat()
            }

            #[inline(always)]
            fn from_next(next: &mut impl FnMut() -> T) -> Self {
                Self { $($field: $crate::scalars!(@next next T $($nested)?),)* }
            }

            #[inline(always)]
            fn for_each(self, each: &mut impl FnMut(T)) {
                $($crate::scalars!(@each each self $field $($nested)?);)*
            }
        }
    };
    (@type $T:ident) => { $T };
    (@type $T:ident $nested:ident) => { $nested<$T> };
    (@names $T:ident $field:ident) => { vec![stringify!($field)] };
    (@names $T:ident $field:ident $nested:ident) => {
        <$nested<$T> as $crate::Scalars<$T>>::names()
    };
    (@next $next:ident $T:ident) => { $next() };
    (@next $next:ident $T:ident $nested:ident) => {
        <$nested<$T> as $crate::Scalars<$T>>::from_next($next)
    };
    (@each $each:ident $self:ident $field:ident) => { $each($self.$field) };
    (@each $each:ident $self:ident $field:ident $nested:ident) => {
        $crate::Scalars::for_each($self.$field, $each)
    };
}
