//! Who may read whom, token by token, and never as a matrix.
