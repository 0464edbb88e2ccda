//! Text forms of graphs, and graphs that are broken.

mod text;
mod verify;
