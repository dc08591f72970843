//! The whole page, which is fetched after the first look and takes over from it: the same library with its feature `everything`.

fn main() {
    packetwalk_web::start();
}
