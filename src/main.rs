//! The `wsbench` command.

fn main() -> std::process::ExitCode {
    wsbench::commands::main(std::env::args_os())
}
