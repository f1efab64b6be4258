//! The command line: what can be asked for, how it is explained, and what a shell is told at the end.
//!
//! Parsing only. `main` calls [`Args::read`], hands [`Args::flags`] to the configuration and matches
//! [`Args::command`]; the work of a command is a function of the module that it is about.

pub mod progress;

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand, ValueEnum, error::ErrorKind};

const EXAMPLES: &str = "\
Examples:
  roamline                                      serve on 127.0.0.1:8080 from roamline.db
  roamline import examples/acme                 load the sample estate
  roamline --database postgres://host/name serve --listen 0.0.0.0:8080
  roamline token create --role viewer --days 30

Settings come from roamline.toml (or --config FILE), then from ROAMLINE__SECTION__KEY in the
environment, then from flags; `roamline config` prints the outcome.

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 refused by the rules.";

const SERVE: &str = "\
Examples:
  roamline serve
  roamline serve --listen 0.0.0.0:8080 --database postgres://host/name
  roamline serve --sample examples/acme         with the sample estate, when the database is empty
  roamline serve --no-auth                      for development: no tokens, loopback only
  roamline serve --trusted documents --trusted-only    run the documents of a folder, and nothing else";

const MIGRATE: &str = "\
Examples:
  roamline migrate
  roamline migrate --database postgres://host/name";

const SCHEMA: &str = "\
Examples:
  roamline schema > schema.graphql";

const IMPORT: &str = "\
Examples:
  roamline import examples/acme --dry-run       say what would be refused, store nothing
  roamline import examples/acme                 all rows or none
  roamline import examples/acme --each          every row that the rules allow
  roamline import --columns > columns.md        what the files and their columns are

Exits with 3 when the rules refused a row.";

const EXPORT: &str = "\
Examples:
  roamline export backup
  roamline import backup --database sqlite://copy.db";

const GENERATE: &str = "\
Examples:
  roamline generate --profiles 100000 --seed 7 --database sqlite://large.db

The same number and seed give the same estate.";

const FSCK: &str = "\
Examples:
  roamline fsck                                 say what does not agree
  roamline fsck --mend                          put it right
  roamline fsck --mend --add-missing            and give lines without an entry one

Exits with 3 when something does not agree and is not mended.";

const TOKEN: &str = "\
Examples:
  roamline token create --role admin
  roamline token create --role operator --organization provider.acme --name provisioning --days 90
  roamline token create --composed Helpdesk --organization provider.acme
  roamline token create --user aadams --organization provider.acme
  roamline token list
  roamline token revoke 3";

const CONFIG: &str = "\
Examples:
  roamline config
  roamline config --config staging.toml --database sqlite://other.db";

/// The parsed command line.
#[derive(Debug)]
pub struct Args {
    /// The configuration file that was named.
    pub file: Option<PathBuf>,
    /// The settings that flags give, over those of the file and the environment.
    pub flags: toml::Table,
    /// What to do.
    pub command: Command,
}

#[derive(Debug, Parser)]
#[command(name = "roamline", version, about = "A GraphQL API server for Cisco extension mobility.", after_help = EXAMPLES)]
struct Line {
    #[command(flatten)]
    global: Global,
    #[command(flatten)]
    serve: Serve,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
struct Global {
    /// Read settings from this file instead of roamline.toml.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Keep the estate in this SQLite file or PostgreSQL database.
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,
    /// Log this much: off, error, warn, info, debug, trace, or a filter such as roamline=debug,info.
    #[arg(long, global = true, value_name = "LEVEL")]
    log: Option<String>,
}

/// What only `serve` takes, with or without its name.
#[derive(Clone, Debug, Default, PartialEq, clap::Args)]
#[command(next_help_heading = "Options of serve")]
pub struct Serve {
    /// Listen on this address and port.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Serve without tokens, as an administrator of everything; loopback addresses only.
    #[arg(long)]
    no_auth: bool,
    /// Let clients run the documents of this folder by their ids.
    #[arg(long, value_name = "DIR")]
    trusted: Option<String>,
    /// Run the trusted documents and nothing else.
    #[arg(long)]
    trusted_only: bool,
    /// Import this folder first when the database is empty.
    #[arg(long, value_name = "DIR")]
    pub sample: Option<PathBuf>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Command {
    /// Serve the API; what happens when no command is given.
    #[command(after_help = SERVE)]
    Serve(Serve),
    /// Bring the database's tables up to date and stop.
    #[command(after_help = MIGRATE)]
    Migrate,
    /// Print the schema in GraphQL's own language.
    #[command(after_help = SCHEMA)]
    Schema,
    /// Load a folder of CSV files, one per noun, through the same rules as the API.
    #[command(after_help = IMPORT)]
    Import {
        /// The folder to read.
        #[arg(value_name = "DIR", required_unless_present = "columns")]
        folder: Option<PathBuf>,
        /// Say what would happen and store nothing.
        #[arg(long)]
        dry_run: bool,
        /// Store every row that the rules allow instead of all or nothing.
        #[arg(long)]
        each: bool,
        /// Print what the files and their columns are, as Markdown, and stop.
        #[arg(long, conflicts_with_all = ["folder", "dry_run", "each"])]
        columns: bool,
    },
    /// Write the estate to a folder of CSV files that `import` reads.
    #[command(after_help = EXPORT)]
    Export {
        /// The folder to write.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Fill the database with an estate of any size, to try things at scale.
    #[command(after_help = GENERATE)]
    Generate {
        /// How many profiles.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
        profiles: u32,
        /// Where the pseudo-random choices start.
        #[arg(long, value_name = "S", default_value_t = 1)]
        seed: u64,
    },
    /// Compare the number inventory with the lines that stand on devices.
    #[command(after_help = FSCK)]
    Fsck {
        /// Put right what does not agree.
        #[arg(long)]
        mend: bool,
        /// Give lines that stand on devices and have no entry one.
        #[arg(long, requires = "mend")]
        add_missing: bool,
    },
    /// Make, list and revoke tokens.
    #[command(subcommand, after_help = TOKEN)]
    Token(Token),
    /// Print the effective settings as TOML, passwords hidden.
    #[command(after_help = CONFIG)]
    Config,
}

/// What to do with tokens.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Token {
    /// Make a token and print it; it cannot be shown again.
    Create {
        /// What its bearer may do.
        #[arg(long, value_enum, ignore_case = true, required_unless_present_any = ["composed", "user"])]
        role: Option<Role>,
        /// A composed role, by its name or number, instead of one that is built in.
        #[arg(long, value_name = "ROLE", conflicts_with = "role", requires = "organization")]
        composed: Option<String>,
        /// A user by their user id, who sees the own page with it and changes the own speed dials; the organization
        /// says where the user is.
        #[arg(long, value_name = "USERID", conflicts_with_all = ["role", "composed"], requires = "organization")]
        user: Option<String>,
        /// The dotted path of the organization whose subtree it reaches; the root when left out.
        #[arg(long, value_name = "PATH")]
        organization: Option<String>,
        /// What it is for, to know it again in the list.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Days until it expires; never when left out.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_500))]
        days: Option<u32>,
    },
    /// List the tokens, without the tokens themselves.
    List,
    /// Revoke a token at once.
    Revoke {
        /// Its id in the list.
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// What a token's bearer may do.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Role {
    /// Read.
    Viewer,
    /// Read and change users, profiles, lines and phones.
    Operator,
    /// Everything, organizations, clusters and tokens included.
    Admin,
}

impl Args {
    /// Reads the arguments, the program's name first. The error prints itself, `--help` and `--version`
    /// among them, and `exit()` on it ends with the right code.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let Line { global, serve, command } = Line::try_parse_from(arguments)?;
        let serve = match &command {
            None => serve,
            // `roamline --no-auth serve` and `roamline serve --no-auth` are the same.
            Some(Command::Serve(after)) => Serve {
                listen: after.listen.or(serve.listen),
                no_auth: after.no_auth || serve.no_auth,
                trusted: after.trusted.clone().or(serve.trusted),
                trusted_only: after.trusted_only || serve.trusted_only,
                sample: after.sample.clone().or(serve.sample),
            },
            Some(_) if serve == Serve::default() => serve,
            Some(_) => {
                let message = "--listen, --no-auth, --trusted, --trusted-only and --sample belong to `serve`";
                return Err(Line::command().error(ErrorKind::ArgumentConflict, message));
            }
        };
        Ok(Self {
            file: global.config.clone(),
            flags: overlay(&global, &serve),
            command: match command {
                None | Some(Command::Serve(_)) => Command::Serve(serve),
                Some(other) => other,
            },
        })
    }
}

/// The flags as a layer of the configuration.
fn overlay(global: &Global, serve: &Serve) -> toml::Table {
    let mut flags = toml::Table::new();
    let section = |key: &str, value: &str| toml::Table::from_iter([(key.to_owned(), value.into())]);
    if let Some(url) = &global.database {
        flags.insert("database".into(), section("url", url).into());
    }
    if let Some(level) = &global.log {
        flags.insert("log".into(), section("level", level).into());
    }
    if let Some(listen) = serve.listen {
        flags.insert("listen".into(), listen.to_string().into());
    }
    // Not given is not the same as given as false: the file or the environment may say true.
    if serve.no_auth {
        flags.insert("no_auth".into(), true.into());
    }
    let mut guard = toml::Table::new();
    if let Some(folder) = &serve.trusted {
        guard.insert("trusted".into(), folder.as_str().into());
    }
    if serve.trusted_only {
        guard.insert("trusted_only".into(), true.into());
    }
    if !guard.is_empty() {
        flags.insert("guard".into(), guard.into());
    }
    flags
}

/// What a shell is told at the end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Something broke: the database, the disk, the network.
    Failed = 1,
    /// The arguments or the configuration are wrong.
    Usage = 2,
    /// The rules refused something.
    Refused = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Args, clap::Error> {
        Args::read(line.split_whitespace().map(OsString::from))
    }

    fn command(line: &str) -> Command {
        read(line).unwrap_or_else(|error| panic!("{line}: {error}")).command
    }

    fn flags(line: &str) -> toml::Table {
        read(line).unwrap_or_else(|error| panic!("{line}: {error}")).flags
    }

    fn refused(line: &str) -> ErrorKind {
        read(line).expect_err("is refused").kind()
    }

    #[test]
    fn the_definition_is_sound() {
        Line::command().debug_assert();
    }

    #[test]
    fn no_command_serves() {
        assert_eq!(command("roamline"), Command::Serve(Serve::default()));
        assert!(flags("roamline").is_empty());
        assert_eq!(flags("roamline --no-auth"), toml::toml! { no_auth = true });
    }

    #[test]
    fn flags_of_serve_stand_before_or_after_its_name() {
        let wanted = toml::toml! {
            listen = "127.0.0.1:9"
            no_auth = true
        };
        for line in [
            "roamline --listen 127.0.0.1:9 --no-auth",
            "roamline serve --listen 127.0.0.1:9 --no-auth",
            "roamline --listen 127.0.0.1:9 serve --no-auth",
        ] {
            assert_eq!(flags(line), wanted, "{line}");
        }
        let sample = Some(PathBuf::from("dir"));
        for line in ["roamline --sample dir", "roamline serve --sample dir", "roamline --sample dir serve"] {
            let wanted = Serve { sample: sample.clone(), ..Serve::default() };
            assert_eq!(command(line), Command::Serve(wanted), "{line}");
            assert!(flags(line).is_empty(), "{line}");
        }
        assert_eq!(refused("roamline --no-auth migrate"), ErrorKind::ArgumentConflict);
        assert_eq!(refused("roamline --sample dir migrate"), ErrorKind::ArgumentConflict);
        assert_eq!(refused("roamline migrate --no-auth"), ErrorKind::UnknownArgument);
    }

    #[test]
    fn flags_of_every_command_stand_anywhere() {
        let wanted = toml::toml! {
            database.url = "sqlite://a"
            log.level = "warn"
        };
        assert_eq!(flags("roamline --database sqlite://a --log warn migrate"), wanted);
        assert_eq!(flags("roamline token list --database sqlite://a --log warn"), wanted);
        let args = read("roamline config --config a.toml").expect("parses");
        assert_eq!(args.file, Some(PathBuf::from("a.toml")));
        assert!(args.flags.is_empty());
    }

    #[test]
    fn flags_are_settings() {
        let flags = flags("roamline --database sqlite://a --log warn --listen 127.0.0.1:9 --no-auth");
        let config: crate::config::Config = flags.try_into().expect("every flag is a setting");
        assert_eq!((config.database.url.as_str(), config.log.level.as_str()), ("sqlite://a", "warn"));
        assert_eq!((config.listen.port(), config.no_auth), (9, true));
    }

    #[test]
    fn every_command_is_read() {
        let folder = PathBuf::from("dir");
        assert_eq!(command("roamline migrate"), Command::Migrate);
        assert_eq!(command("roamline schema"), Command::Schema);
        assert_eq!(
            command("roamline import dir --dry-run --each"),
            Command::Import { folder: Some(folder.clone()), dry_run: true, each: true, columns: false }
        );
        assert_eq!(
            command("roamline import --columns"),
            Command::Import { folder: None, dry_run: false, each: false, columns: true }
        );
        assert_eq!(command("roamline export dir"), Command::Export { folder });
        assert_eq!(command("roamline generate --profiles 5"), Command::Generate { profiles: 5, seed: 1 });
        assert_eq!(command("roamline fsck"), Command::Fsck { mend: false, add_missing: false });
        assert_eq!(
            command("roamline fsck --mend --add-missing"),
            Command::Fsck { mend: true, add_missing: true }
        );
        assert_eq!(command("roamline config"), Command::Config);
        assert_eq!(command("roamline token list"), Command::Token(Token::List));
        assert_eq!(command("roamline token revoke 7"), Command::Token(Token::Revoke { id: "7".into() }));
        assert_eq!(
            command("roamline token create --role VIEWER --organization a.b --name n --days 9"),
            Command::Token(Token::Create {
                role: Some(Role::Viewer),
                composed: None,
                user: None,
                organization: Some("a.b".into()),
                name: Some("n".into()),
                days: Some(9)
            })
        );
    }

    #[test]
    fn wrong_usage_is_refused_with_its_exit_code() {
        for line in [
            "roamline import",
            "roamline import dir --columns",
            "roamline generate",
            "roamline fsck --add-missing",
            "roamline generate --profiles 0",
            "roamline token",
            "roamline token create",
            "roamline token create --role king",
            "roamline token create --composed help",
            "roamline token create --user anna",
            "roamline token create --user anna --organization a --role viewer",
            "roamline token create --role admin --composed help --organization a",
            "roamline --listen here",
            "roamline sreve",
        ] {
            assert_eq!(read(line).expect_err(line).exit_code(), Exit::Usage as i32, "{line}");
        }
        assert_eq!(refused("roamline --help"), ErrorKind::DisplayHelp);
    }

    #[test]
    fn every_command_explains_itself_with_an_example() {
        for command in Line::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Examples:\n  roamline "), "{}", command.get_name());
        }
    }

    #[test]
    fn every_example_can_be_typed() {
        for text in [EXAMPLES, SERVE, MIGRATE, SCHEMA, IMPORT, EXPORT, GENERATE, FSCK, TOKEN, CONFIG] {
            for line in text.lines().filter(|line| line.starts_with("  roamline")) {
                // What is explained or sent elsewhere stands behind.
                let typed = line.trim().split("   ").next().unwrap_or_default();
                command(typed.split(" > ").next().unwrap_or_default());
            }
        }
    }
}
