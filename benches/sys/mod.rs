//! The bench's only unsafe code: what neither std nor rustix can do.

mod count;
mod cpuid;
mod hold;
mod pin;
mod spawn;

pub use count::{Counted, count};
pub use cpuid::cpuid_leaves;
pub use hold::Hold;
pub use spawn::{Child, Ended, Job, Launch};
