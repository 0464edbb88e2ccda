//! Accesses against the definition of views.

