//! The harness of packetwalk's tests.
