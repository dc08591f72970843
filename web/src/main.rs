//! Starts the page with what a first look needs. All there is to it is in the library, so that tests can mount it too.

fn main() {
    packetwalk_web::start();
}
