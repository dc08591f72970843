//! packetwalk on the command line.
