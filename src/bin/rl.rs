//! rl
fn main() {}
