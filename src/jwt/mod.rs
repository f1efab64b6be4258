//! JSON Web Tokens that somebody else has issued: is it the issuer's, is it for us, is it in force, and what do its
//! claims say of its bearer. What they mean here (which organization a path is, which role a name is) is for `app`.
//!
//! A key has exactly one algorithm, told by its kind and not by the token, and a token is only ever tried with keys of the
//! algorithm that it names: `none` is no algorithm, and a public key can never be taken for an HMAC secret. The
//! application's clock decides what is in force, so that it is one clock everywhere. Why a token was refused is for the
//! log; its bearer is told no more than anybody else who is refused.

mod key;
mod signature;

use std::fmt;

use entity::Moment;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde_json::{Map, Value};

use self::key::{Keys, Wanted};
use crate::config;

/// Longest token that is looked at.
const LONGEST: usize = 16 * 1024;
/// Longest name of a bearer.
const LONGEST_NAME: usize = 200;

/// Takes the tokens of the issuer that the settings name.
pub struct Issuer {
    settings: config::Jwt,
    keys: Keys,
    validation: Validation,
}

/// What a token says of its bearer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bearer {
    /// The subject, by which the issuer tells its bearers apart.
    pub subject: String,
    /// The name under which changes are kept.
    pub name: String,
    /// The id of the user that the bearer is, where the token tells it.
    pub user: Option<String>,
    /// Names of roles; at least one.
    pub roles: Vec<String>,
    /// The dotted path of an organization; none is everything.
    pub organization: Option<String>,
    /// When the token ends, the allowance for differing clocks included.
    pub until: Moment,
}

/// Why a token is refused: for the log alone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused(pub String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A reason in the form in which it is handed on.
fn no<T>(why: impl Into<String>) -> Result<T, Refused> {
    Err(Refused(why.into()))
}

impl Issuer {
    /// Who takes tokens as the settings say; none where they name no issuer.
    pub fn new(settings: &config::Jwt) -> std::io::Result<Option<Self>> {
        if settings.issuer.is_empty() {
            return Ok(None);
        }
        signature::install();
        let algorithms: Vec<Algorithm> =
            config::Jwt::words(&settings.algorithms).filter_map(|word| word.parse().ok()).collect();
        let mut validation = Validation::default();
        validation.set_issuer(&[&settings.issuer]);
        validation.set_audience(&config::Jwt::words(&settings.audience).collect::<Vec<_>>());
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        // By the system's clock; ours decides below.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let keys = Keys::new(settings, algorithms)?;
        Ok(Some(Self { settings: settings.clone(), keys, validation }))
    }

    /// Whether it has the form of such a token: three parts with a dot between them.
    pub fn is_token(text: &str) -> bool {
        text.len() <= LONGEST && text.split('.').count() == 3
    }

    /// Reads the keys ahead of the first token; tells how many there are.
    pub async fn read_keys(&self, now: Moment) -> usize {
        self.keys.read(now).await
    }

    /// What the token says, where it is good at this moment.
    pub async fn bearer(&self, token: &str, now: Moment) -> Result<Bearer, Refused> {
        let header =
            decode_header(token).or_else(|error| no(format!("its header cannot be read: {error}")))?;
        if header.crit.is_some() {
            return no("its header demands (`crit`) what is not known here");
        }
        let wanted = Wanted { id: header.kid.as_deref(), algorithm: header.alg };
        let key = self.keys.find(wanted, now).await?;
        let validation = Validation { algorithms: vec![key.algorithm], ..self.validation.clone() };
        let claims = decode::<Map<String, Value>>(token, &key.decoding, &validation)
            .or_else(|error| no(error.to_string()))?
            .claims;
        self.judge(&claims, now)
    }

    /// What claims with a good signature, issuer and audience say.
    fn judge(&self, claims: &Map<String, Value>, now: Moment) -> Result<Bearer, Refused> {
        let skew = micros(i64::try_from(self.settings.skew_secs).unwrap_or(i64::MAX));
        let moment = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(value) => match seconds(value) {
                Some(moment) => Ok(Some(moment)),
                None => no(format!("its `{name}` is no time")),
            },
        };
        let until = match moment("exp")? {
            Some(until) => Moment(until.0.saturating_add(skew)),
            None => return no("it has no `exp`"),
        };
        if until <= now {
            return no("it has expired");
        }
        if moment("nbf")?.is_some_and(|from| from.0.saturating_sub(skew) > now.0) {
            return no("it is not in force yet (`nbf`)");
        }
        if moment("iat")?.is_some_and(|from| from.0.saturating_sub(skew) > now.0) {
            return no("it was issued in the future (`iat`)");
        }
        let required = &self.settings.required_claims;
        if let Some(name) = config::Jwt::words(required).find(|name| claim(claims, name).is_none()) {
            return no(format!("it has no `{name}`"));
        }
        let text = |name: &str| claim(claims, name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let name = text(&self.settings.name_claim);
        let Some(name) =
            name.filter(|name| name.chars().count() <= LONGEST_NAME && !name.contains(char::is_control))
        else {
            return no(format!("its `{}` is no name", self.settings.name_claim));
        };
        Ok(Bearer {
            subject: text("sub").unwrap_or(name).to_owned(),
            name: name.to_owned(),
            user: text(&self.settings.user_claim).map(str::to_owned),
            roles: self.roles(claims)?,
            organization: self.organization(claims)?,
            until,
        })
    }

    fn roles(&self, claims: &Map<String, Value>) -> Result<Vec<String>, Refused> {
        let named = &self.settings.role_claim;
        let said: Vec<&str> = match claim(claims, named) {
            None if self.settings.default_role.is_empty() => return no(format!("it has no `{named}`")),
            None => return Ok(vec![self.settings.default_role.clone()]),
            Some(Value::String(role)) => vec![role],
            Some(Value::Array(roles)) => roles.iter().filter_map(Value::as_str).collect(),
            Some(_) => return no(format!("its `{named}` is neither text nor a list")),
        };
        let meant: Vec<String> = said
            .into_iter()
            .filter_map(|value| meaning(&self.settings.roles, value))
            .map(str::to_owned)
            .collect();
        if meant.is_empty() { no(format!("its `{named}` means no role here")) } else { Ok(meant) }
    }

    fn organization(&self, claims: &Map<String, Value>) -> Result<Option<String>, Refused> {
        let named = &self.settings.organization_claim;
        let path = match claim(claims, named) {
            None if self.settings.default_organization.is_empty() => {
                return no(format!("it has no `{named}`"));
            }
            None => Some(self.settings.default_organization.as_str()),
            Some(Value::String(value)) => meaning(&self.settings.organizations, value),
            Some(_) => return no(format!("its `{named}` is not text")),
        };
        match path {
            Some("*") => Ok(None),
            Some(path) => Ok(Some(path.to_owned())),
            None => no(format!("its `{named}` means no organization here")),
        }
    }
}

/// What a value means by a setting of pairs: itself where the setting is empty.
fn meaning<'a>(pairs: &'a str, value: &'a str) -> Option<&'a str> {
    if config::Jwt::words(pairs).next().is_none() {
        return Some(value).filter(|value| !value.is_empty());
    }
    config::Jwt::pairs(pairs).find(|(said, _)| *said == value).map(|(_, meaning)| meaning)
}

/// The claim of this name, else what its dotted path leads to.
fn claim<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    claims.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        rest.split('.').try_fold(claims.get(first)?, |value, key| value.get(key))
    })
}

/// RFC 7519's `NumericDate`: seconds since 1970, which may have a fraction.
fn seconds(value: &Value) -> Option<Moment> {
    if let Some(whole) = value.as_i64() {
        return Some(Moment(micros(whole)));
    }
    let seconds = value.as_f64().filter(|seconds| seconds.is_finite() && seconds.abs() < 1e15)?;
    #[expect(clippy::cast_possible_truncation, reason = "the fraction is left out, and the range is checked")]
    Some(Moment(micros(seconds.trunc() as i64)))
}

fn micros(seconds: i64) -> i64 {
    seconds.saturating_mul(1_000_000)
}

#[cfg(test)]
mod tests;
