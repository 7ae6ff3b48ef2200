//! A surface of two weights seen from above, with the optimisers' paths over it, as a picture and as a
//! film.

mod ground;
mod growing;
mod still;
mod surface;

pub use growing::landscape_film;
pub use still::landscape;
pub use surface::{DrawnDescent, DrawnSurface, MOST_PATHS};
