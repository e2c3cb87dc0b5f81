//! The `vasa` program; everything it does lives in the library.

fn main() -> std::process::ExitCode {
    vasa_camera::cli::main()
}
