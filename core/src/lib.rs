//! packetwalk core: being laid out.
