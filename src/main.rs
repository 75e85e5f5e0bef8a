//! The `nba` program.

fn main() -> std::process::ExitCode {
    nba::face::cli::main()
}
