//! What would become of a packet at a moment of a scenario, asked of the predictor: nothing is built,
//! nothing is sent.
//!
//! | file | subject |
//! |---|---|
//! | `explained.rs` | everything that can be asked, and what is said of it |
//! | `scene.rs` | a scenario at a moment: who there is, and who can be asked what |
//! | `answer.rs` | one question, answered: the verdict and the whole way |
//! | `matrix.rs` | everybody asks everybody |
//! | `change.rs` | what is otherwise at another moment |

mod answer;
mod change;
mod explained;
mod matrix;
mod scene;

pub use answer::{Answer, Doubt, Fate, Outcome, Proposal};
pub use change::{Difference, MatrixChange, PairChange, first_difference, matrix_change};
pub use explained::{ExplainError, Explained, Request, When, Who, explain};
pub use matrix::{Cell, MOST_NODES, Matrix};
pub use scene::{At, Mistaken, Question, Scene};
