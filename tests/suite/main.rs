//! What a user of the command sees, tested through the built command; one binary, so that it links once.

mod architecture;
mod support;
