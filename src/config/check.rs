//! What a configuration must hold beyond the kind of each value, checked once when it is loaded.

use toml::Value;

use super::{Config, Fault, Jwt, Origin, settings};

/// Levels of a log filter.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Everything in the configuration that cannot work, a sentence each.
pub(super) fn faults(config: &Config, origin: impl Fn(&str) -> Origin) -> Vec<Fault> {
    let mut faults = out_of_range(config, &origin);
    let mut refuse = |wrong: bool, key: &'static str, message: &str| {
        if wrong {
            faults.push(Fault::Refused { key, origin: origin(key), message: message.to_owned() });
        }
    };
    refuse(
        config.no_auth && !config.listen.ip().to_canonical().is_loopback(),
        "no_auth",
        &format!("is for a loopback address only, such as 127.0.0.1:8080, and `listen` is {}", config.listen),
    );
    refuse(
        !is_database(&config.database.url),
        "database.url",
        "must be `sqlite://FILE` or `postgres://USER:PASSWORD@HOST/NAME`",
    );
    for origin in config.http.origins.split(',').map(str::trim).filter(|origin| !origin.is_empty()) {
        refuse(
            !is_origin(origin) && config.http.origins.trim() != "*",
            "http.origins",
            "lists origins such as `https://desk.example:8443`, comma-separated, or is `*`",
        );
    }
    let trusted = &config.guard.trusted;
    refuse(
        !trusted.is_empty() && !std::path::Path::new(trusted).is_dir(),
        "guard.trusted",
        &format!("names the folder {trusted}, which is not there"),
    );
    refuse(
        config.guard.trusted_only && trusted.is_empty(),
        "guard.trusted_only",
        "runs nothing but the documents of `guard.trusted`, which names no folder",
    );
    refuse(
        !config.admin.listen.is_empty() && config.admin.address().is_none(),
        "admin.listen",
        "must be an address and a port, such as `127.0.0.1:9090`, or empty",
    );
    refuse(
        config.admin.address().is_some_and(|address| address == config.listen && address.port() != 0),
        "admin.listen",
        "must not be the address that `listen` is",
    );
    let tls = &config.tls;
    refuse(
        tls.key.is_empty() && !tls.certificate.is_empty(),
        "tls.certificate",
        "needs its private key: set `tls.key` too",
    );
    refuse(
        tls.certificate.is_empty() && !tls.key.is_empty(),
        "tls.key",
        "is a certificate's private key: set `tls.certificate` too",
    );
    refuse(
        !is_collector(&config.trace.otlp),
        "trace.otlp",
        "must be the `http://` address of a collector, such as `http://127.0.0.1:4318/v1/traces`, or empty",
    );
    let page = &config.page;
    refuse(
        page.default > page.most,
        "page.default",
        &format!("is {} and must not be more than `page.most`, which is {}", page.default, page.most),
    );
    let guard = &config.guard;
    refuse(
        guard.bucket > 0 && guard.bucket < guard.cost,
        "guard.bucket",
        &format!(
            "is {} and must be 0 or at least `guard.cost`, which is {}: what is dearer than a bucket could never run",
            guard.bucket, guard.cost
        ),
    );
    for (key, message) in jwt_faults(&config.jwt) {
        refuse(true, key, &message);
    }
    for directive in config.log.level.split(',') {
        // A filter takes any word for the name of a module, and then logs everything of that module and
        // nothing else: a misspelt level would silence the log.
        let level = directive.rsplit('=').next().unwrap_or_default().trim();
        refuse(
            !LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level)),
            "log.level",
            &format!("names the level `{level}`, which is none of {}", LEVELS.join(", ")),
        );
    }
    faults
}

fn out_of_range(config: &Config, origin: &impl Fn(&str) -> Origin) -> Vec<Fault> {
    let values = Value::try_from(config).expect("a configuration is made of what TOML can say");
    let fault = |setting: super::Setting| {
        let (least, most) = setting.range?.into_inner();
        let value = setting.key.split('.').try_fold(&values, |table, name| table.get(name))?.as_integer()?;
        let value = u64::try_from(value).ok()?;
        let origin = origin(&setting.key);
        (value < least || value > most).then_some(Fault::OutOfRange {
            key: setting.key,
            origin,
            least,
            most,
            value,
        })
    };
    settings().into_iter().filter_map(fault).collect()
}

/// What is wrong with the settings of JSON Web Tokens, where any are taken.
fn jwt_faults(jwt: &Jwt) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    let mut refuse = |wrong: bool, key, message: &str| {
        if wrong {
            faults.push((key, message.to_owned()));
        }
    };
    if jwt.issuer.is_empty() {
        return faults;
    }
    let empty = |setting: &str| Jwt::words(setting).next().is_none();
    refuse(
        empty(&jwt.audience),
        "jwt.audience",
        "is needed with `jwt.issuer`: tokens for others are not for us",
    );
    refuse(
        jwt.keys.is_empty() || is_open_address(&jwt.keys),
        "jwt.keys",
        "is needed with `jwt.issuer`: a file, an `https://` address without a password, or `http://` on this machine",
    );
    refuse(empty(&jwt.algorithms), "jwt.algorithms", "names none");
    let symmetric = jwt.keys.contains("://");
    for word in Jwt::words(&jwt.algorithms) {
        refuse(
            !["RS256", "ES256", "EdDSA", "HS256"].contains(&word),
            "jwt.algorithms",
            &format!("names `{word}`, which is none of RS256, ES256, EdDSA, HS256"),
        );
        refuse(
            word == "HS256" && symmetric,
            "jwt.algorithms",
            "names HS256, whose keys are secrets and belong into a file, not to an address",
        );
    }
    for (key, setting) in [("jwt.roles", &jwt.roles), ("jwt.organizations", &jwt.organizations)] {
        let whole = Jwt::pairs(setting).filter(|(value, meaning)| !value.is_empty() && !meaning.is_empty());
        refuse(whole.count() != Jwt::words(setting).count(), key, "must be `value=MEANING`, comma-separated");
    }
    for (key, setting) in [
        ("jwt.name_claim", &jwt.name_claim),
        ("jwt.role_claim", &jwt.role_claim),
        ("jwt.organization_claim", &jwt.organization_claim),
    ] {
        refuse(setting.is_empty(), key, "must name a claim");
    }
    faults
}

/// Whether it is an address over which keys could be changed on their way, or whose password would be logged.
fn is_open_address(keys: &str) -> bool {
    let Some((scheme, rest)) = keys.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(host, _)| host),
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    };
    let own =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    host.is_empty() || authority.contains('@') || !(scheme == "https" || scheme == "http" && own)
}

fn is_database(url: &str) -> bool {
    let place =
        ["sqlite://", "postgres://", "postgresql://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    place.is_some_and(|place| !place.is_empty() && !place.starts_with('?'))
}

/// Whether this is an origin as browsers send it: scheme, host and perhaps a port, in lower case.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte);
    !host.is_empty() && host.bytes().all(plain)
}

/// Whether spans can be sent there. What leaves the machine goes through a collector on it, which knows TLS.
fn is_collector(url: &str) -> bool {
    url.is_empty()
        || url
            .strip_prefix("http://")
            .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['@', ' ', '#']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(change: impl FnOnce(&mut Config)) -> Vec<String> {
        let mut config = Config::default();
        change(&mut config);
        faults(&config, |_| Origin::Default).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_defaults_can_work() {
        assert!(said(|_| {}).is_empty());
    }

    #[test]
    fn both_ends_of_every_range_are_kept() {
        for setting in settings() {
            let Some(range) = setting.range.clone() else { continue };
            let given = |value: u64| {
                let mut config = toml::Table::try_from(Config::default()).expect("serializes");
                let value = Value::try_from(value).expect("fits");
                match setting.key.split_once('.') {
                    Some((section, name)) => config[section][name] = value,
                    None => config[&setting.key] = value,
                }
                let config: Config = config.try_into().expect("is a number");
                out_of_range(&config, &|_| Origin::Default).len()
            };
            assert_eq!((given(*range.start()), given(*range.end())), (0, 0), "{}", setting.key);
            assert_eq!(given(*range.end() + 1), 1, "{}", setting.key);
            if *range.start() > 0 {
                assert_eq!(given(*range.start() - 1), 1, "{}", setting.key);
            }
        }
    }

    #[test]
    fn serving_without_tokens_is_for_loopback_addresses() {
        let open = |listen: &str| {
            said(|config| {
                config.no_auth = true;
                config.listen = listen.parse().expect("is an address");
            })
        };
        assert!(open("127.0.0.1:80").is_empty() && open("[::1]:80").is_empty());
        assert!(open("127.9.9.9:80").is_empty() && open("[::ffff:127.0.0.1]:80").is_empty());
        assert_eq!(
            open("0.0.0.0:80"),
            [
                "`no_auth`, set by default, is for a loopback address only, such as 127.0.0.1:8080, and `listen` is 0.0.0.0:80"
            ]
        );
        assert_eq!(open("192.0.2.7:80").len(), 1);
    }

    #[test]
    fn a_database_is_sqlite_or_postgres() {
        for url in
            ["sqlite://a.db", "sqlite://a.db?mode=rwc", "postgres://host/name", "postgresql://host/name"]
        {
            assert!(is_database(url), "{url}");
        }
        for url in ["", "a.db", "sqlite://", "sqlite://?mode=rwc", "mysql://host/name", "postgres:/host/name"]
        {
            assert!(!is_database(url), "{url}");
        }
        let secret = said(|config| config.database.url = "mysql://ann:s3cret@host".into());
        assert!(secret.len() == 1 && !secret[0].contains("s3cret"), "{secret:?}");
    }

    #[test]
    fn keys_come_from_where_nobody_can_change_them() {
        let at = |keys: &str, algorithms: &str| {
            said(|config| {
                config.jwt.issuer = "https://idp.example".into();
                config.jwt.audience = "roamline".into();
                config.jwt.keys = keys.into();
                config.jwt.algorithms = algorithms.into();
            })
        };
        for keys in ["keys.json", "https://idp.example/jwks", "http://127.0.0.1:9/jwks", "http://[::1]/jwks"]
        {
            assert!(at(keys, "RS256").is_empty(), "{keys}");
        }
        for keys in
            ["", "http://idp.example/jwks", "https://a:b@idp.example/", "ftp://localhost/x", "https://"]
        {
            assert_eq!(at(keys, "RS256").len(), 1, "{keys}");
        }
        assert!(at("keys.json", "HS256, RS256").is_empty());
        assert_eq!(at("https://idp.example/jwks", "HS256").len(), 1);
        for algorithms in ["none", "", "RS512"] {
            assert_eq!(at("keys.json", algorithms).len(), 1, "{algorithms}");
        }
        assert!(said(|config| config.jwt.roles = "not a pair".into()).is_empty(), "nothing is taken");
    }

    #[test]
    fn a_page_is_no_larger_than_the_largest() {
        let pages = said(|config| config.page.most = 20);
        assert_eq!(
            pages,
            ["`page.default`, set by default, is 50 and must not be more than `page.most`, which is 20"]
        );
    }

    #[test]
    fn origins_are_written_as_browsers_send_them() {
        let said = |origins: &str| said(|config| config.http.origins = origins.into()).len();
        for origins in ["", "*", "https://desk.example", "http://localhost:3000, https://[::1]:8443"] {
            assert_eq!(said(origins), 0, "{origins}");
        }
        for origins in [
            "desk.example",
            "https://desk.example/",
            "https://Desk.example",
            "https://",
            "*, https://a",
            "null",
        ] {
            assert!(said(origins) > 0, "{origins}");
        }
    }

    #[test]
    fn trust_needs_a_folder() {
        let none = said(|config| config.guard.trusted_only = true);
        assert_eq!(none.len(), 1);
        assert!(none[0].contains("`guard.trusted_only`") && none[0].contains("names no folder"), "{none:?}");
        let lost = said(|config| config.guard.trusted = "no such folder".into());
        assert!(lost.len() == 1 && lost[0].contains("is not there"), "{lost:?}");
    }

    #[test]
    fn an_admin_listener_is_an_address_of_its_own() {
        let admin = |listen: &str| said(|config| config.admin.listen = listen.into());
        assert!(admin("").is_empty() && admin("127.0.0.1:9090").is_empty() && admin("[::1]:0").is_empty());
        for wrong in ["9090", "localhost:9090", "127.0.0.1:8080"] {
            assert_eq!(admin(wrong).len(), 1, "{wrong}");
        }
    }

    #[test]
    fn a_certificate_and_its_key_come_together() {
        let tls = |certificate: &str, key: &str| {
            said(|config| {
                config.tls.certificate = certificate.into();
                config.tls.key = key.into();
            })
        };
        assert!(tls("", "").is_empty() && tls("a.pem", "b.pem").is_empty());
        assert!(tls("a.pem", "")[0].contains("set `tls.key` too"));
        assert!(tls("", "b.pem")[0].contains("set `tls.certificate` too"));
    }

    #[test]
    fn spans_are_sent_to_an_address_without_secrets() {
        let otlp = |url: &str| said(|config| config.trace.otlp = url.into());
        assert!(otlp("").is_empty() && otlp("http://127.0.0.1:4318/v1/traces").is_empty());
        for wrong in ["127.0.0.1:4318", "https://collector/v1/traces", "http://", "http://a:b@host/"] {
            assert_eq!(otlp(wrong).len(), 1, "{wrong}");
        }
    }

    #[test]
    fn a_misspelt_level_is_refused() {
        for level in ["info", "INFO", "roamline=debug,info", "roamline[request]=trace, warn"] {
            assert!(said(|config| config.log.level = level.into()).is_empty(), "{level}");
        }
        for level in ["", "debgu", "info,", "roamline=loud"] {
            assert_eq!(said(|config| config.log.level = level.into()).len(), 1, "{level}");
        }
    }
}
