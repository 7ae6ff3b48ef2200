//! AdamW: Adam whose weight decay shrinks the weights directly.
//!
//! ```text
//! w <- (1 - lr weight_decay) w - (Adam's step)
//! ```

use super::{
    Entry,
    adam::{AMSGRAD, BETA1, BETA2, CORRECT_M, CORRECT_V, EPS, build},
    params::{EPS_INSIDE, MAXIMIZE, Param, RESET_MOMENTS, RESTART_T},
};

pub(super) const ENTRY: Entry = Entry {
    name: "adamw",
    summary: "Adam with decoupled weight decay",
    formula: "w <- (1 - lr weight_decay) w - (Adam's step)",
    source: "Loshchilov & Hutter 2019, alg. 2; torch.optim.AdamW",
    params: &[
        Param::lr(1e-3),
        BETA1,
        BETA2,
        EPS,
        EPS_INSIDE,
        CORRECT_M,
        CORRECT_V,
        AMSGRAD,
        Param::weight_decay(1e-2, "shrinks the weights by lr weight_decay a step"),
        MAXIMIZE,
        RESTART_T,
        RESET_MOMENTS,
    ],
    momentum: Some("beta1"),
    build: |values| Ok(build(values, true)),
    variants: &[
        "adamw",
        "adamw:weight_decay=0.1,maximize=true",
        "adamw:amsgrad=true",
    ],
};
