//! Who comes in: our own tokens, and the JSON Web Tokens of an issuer.
//!
//! Whoever comes with a JSON Web Token is kept as a token too, one for what the issuer grants to a subject: the same
//! subject with another role is another one. So jobs, stored answers and streams know them as they know everybody, and a
//! revocation holds for them as well.

mod memory;

use std::time::Instant;

use data_encoding::HEXLOWER;
use entity::{
    Moment, OrganizationId, TokenId,
    role::{self, Rights},
    token, user,
};
use sha2::{Digest, Sha256};

pub(super) use self::memory::Memory;
use super::App;
use crate::{
    caller::{Caller, Scope, built_in},
    error::Error,
    jwt::{Bearer, Issuer, Refused},
    origin,
    store::{self, token::Found},
};

/// What is known of what somebody came with.
#[derive(Clone)]
pub(super) struct Known {
    at: Instant,
    /// None where it is nobody's.
    token: Option<Found>,
    /// When what was shown ends, where that is not the token's own end.
    until: Option<Moment>,
    /// Why it was not taken, where an issuer's token was not.
    refused: Option<Refused>,
}

/// What an issuer's token grants, until when, and why it does not.
type Granted = (Option<Found>, Option<Moment>, Option<Refused>);

impl App {
    /// Who comes with this token; without tokens, an administrator.
    pub async fn authenticate(&self, secret: Option<&str>) -> Result<Caller, Error> {
        let Some(secret) = secret else {
            return if self.config().no_auth {
                Ok(Caller::administrator("no-auth"))
            } else {
                Err(Error::Anonymous)
            };
        };
        let hash = HEXLOWER.encode(&Sha256::digest(secret.as_bytes()));
        let known = match self.0.tokens.shown(&hash) {
            Some(known) => known,
            None => self.look_up(secret, hash).await?,
        };
        let caller = self.caller(&known);
        match &caller {
            Some(caller) => self.0.audit.came(caller, self.now()),
            None => self.not_taken(&known),
        }
        caller.ok_or(Error::Anonymous)
    }

    /// The caller as of now, for streams that outlive a permission.
    pub async fn renew(&self, caller: &Caller) -> Result<Caller, Error> {
        let Some(id) = caller.token else { return Ok(caller.clone()) };
        let token = match self.0.tokens.held(id) {
            Some(found) => found,
            None => self.look_up_streams(id).await?,
        };
        let known = Known { at: Instant::now(), token, until: caller.until, refused: None };
        let renewed = self.caller(&known).ok_or(Error::Anonymous)?;
        Ok(Caller { origin: caller.origin.clone(), ..renewed })
    }

    async fn look_up(&self, secret: &str, hash: String) -> Result<Known, Error> {
        let memory = &self.0.tokens;
        let issuer = self.0.issuer.as_ref().filter(|_| Issuer::is_token(secret));
        let mut turn = None;
        let (token, until, refused) = if let Some(issuer) = issuer {
            // The issuer may have to be asked for its keys, which nobody else waits for.
            self.granted(issuer, secret).await?
        } else {
            turn = Some(memory.turn(&hash).await);
            if let Some(known) = memory.shown(&hash) {
                return Ok(known);
            }
            (store::token::by_hash(&self.0.store, &hash).await?, None, None)
        };
        let known = Known { at: Instant::now(), token, until, refused };
        memory.remember(hash, known.clone());
        drop(turn);
        Ok(known)
    }

    /// Looks a stream's token up, and others' along with it.
    async fn look_up_streams(&self, id: TokenId) -> Result<Option<Found>, Error> {
        let memory = &self.0.tokens;
        let _turn = memory.streams_turn().await;
        if let Some(found) = memory.held(id) {
            return Ok(found);
        }
        let due = memory.due(id);
        let found = store::token::by_ids(&self.0.store, &due).await?;
        let own = found.iter().find(|found| found.0.id == id).cloned();
        memory.hold(&due, found);
        Ok(own)
    }

    /// Reads the issuer's keys ahead of its first token; nothing to do where no issuer is set.
    pub async fn read_keys(&self) {
        if let Some(issuer) = &self.0.issuer {
            issuer.read_keys(self.now()).await;
        }
    }

    /// The token under which what a JSON Web Token grants is kept, and when the JSON Web Token ends.
    async fn granted(&self, issuer: &Issuer, secret: &str) -> Result<Granted, Error> {
        let now = self.now();
        let grant = match issuer.bearer(secret, now).await {
            Ok(bearer) => self.grant(bearer).await?,
            Err(refused) => Err(refused),
        };
        match grant {
            Ok((token, role, user)) => {
                let until = token.expires_at;
                Ok((Some((self.keep(token).await?, role, user)), until, None))
            }
            Err(refused) => {
                tracing::info!(reason = refused.0, "refused a JSON Web Token");
                Ok((None, None, Some(refused)))
            }
        }
    }

    /// What a bearer is granted here, as a token that may not be kept yet.
    async fn grant(&self, bearer: Bearer) -> Result<Result<Found, Refused>, Error> {
        let organization_id = match &bearer.organization {
            None => None,
            Some(path) => {
                let everything = self.0.store.read(Scope::All);
                match store::organization::by_path(&everything, Scope::All, path).await? {
                    Some(id) => Some(id),
                    None => return Ok(Err(Refused("its organization does not exist".to_owned()))),
                }
            }
        };
        let mut user = None;
        let (role, composed) = match bearer.roles.iter().filter_map(|name| named(name)).max() {
            Some(token::Role::SelfService) => {
                user = match self.person(&bearer, organization_id).await? {
                    Ok(user) => Some(user),
                    Err(refused) => return Ok(Err(refused)),
                };
                (token::Role::SelfService, None)
            }
            Some(role) => (role, None),
            None => match self.composed(&bearer.roles, organization_id).await? {
                Some(composed) => (built_in(&composed.rights), Some(composed)),
                None => return Ok(Err(Refused("it has no role that is given there".to_owned()))),
            },
        };
        let role_id = composed.as_ref().map(|role| role.id);
        let mut grant = Sha256::new();
        let place = organization_id.map_or_else(String::new, |id| id.to_string());
        let user_id = user.as_ref().map(|user| user.id);
        let granted = match (role_id, user_id) {
            (Some(id), _) => format!("role {id}"),
            (None, Some(id)) => format!("user {id}"),
            (None, None) => format!("{role:?}"),
        };
        for part in [&self.config().jwt.issuer, &bearer.subject, &bearer.name, &place, &granted] {
            grant.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            grant.update(part);
        }
        let token = token::Model {
            id: TokenId(0),
            name: bearer.name,
            hash: format!("jwt {}", HEXLOWER.encode(&grant.finalize())),
            // What the token may do follows its role or its user, whatever that comes to allow.
            role: if role_id.is_some() || user_id.is_some() { token::Role::Viewer } else { role },
            role_id,
            organization_id,
            user_id,
            created_at: self.now(),
            expires_at: Some(bearer.until),
            revoked_at: None,
        };
        Ok(Ok((token, composed, user)))
    }

    /// The user whom a bearer is, for self-service; a user id is unique in a cluster, not everywhere.
    async fn person(
        &self,
        bearer: &Bearer,
        organization: Option<OrganizationId>,
    ) -> Result<Result<user::Model, Refused>, Error> {
        let refused = |why: &str| Ok(Err(Refused(why.to_owned())));
        let Some(user_id) = &bearer.user else {
            return refused("it has no user id, which self-service needs (`jwt.user_claim`)");
        };
        let scope = organization.map_or(Scope::All, Scope::Below);
        let mut users = store::user::by_user_id(&self.0.store, scope, user_id).await?;
        match (users.pop(), users.is_empty()) {
            (Some(user), true) => Ok(Ok(user)),
            (Some(_), false) => {
                refused("users of several clusters have its user id; name a smaller organization")
            }
            (None, _) => refused("its user id is nobody's in its organization"),
        }
    }

    /// The first of these names that is a composed role's which is given at the organization.
    async fn composed(
        &self,
        names: &[String],
        organization: Option<OrganizationId>,
    ) -> Result<Option<role::Model>, Error> {
        let Some(organization) = organization else { return Ok(None) };
        for name in names {
            if let Some(role) = store::role::given_at(&self.0.store, organization, name).await? {
                return Ok(Some(role));
            }
        }
        Ok(None)
    }

    /// Keeps what is granted where it is new, and until when where that is later than before.
    async fn keep(&self, grant: token::Model) -> Result<token::Model, Error> {
        let (store, until) = (&self.0.store, grant.expires_at);
        let kept = if let Some((kept, _, _)) = store::token::by_hash(store, &grant.hash).await? {
            kept
        } else {
            let hash = grant.hash.clone();
            let token = token::Model { id: store::token::next_id(store).await?, ..grant };
            store::token::insert_unless_there(store, token).await?;
            let there = store::token::by_hash(store, &hash).await?;
            there.ok_or_else(|| Error::internal(anyhow::anyhow!("a token that was kept is not there")))?.0
        };
        if kept.expires_at < until {
            store::token::prolong(store, kept.id, until).await?;
            return Ok(token::Model { expires_at: until, ..kept });
        }
        Ok(kept)
    }

    /// Whether this token was good when it was looked up last, as far as that is remembered.
    pub fn remembers(&self, secret: &str) -> bool {
        let hash = HEXLOWER.encode(&Sha256::digest(secret.as_bytes()));
        self.0.tokens.was_good(&hash)
    }

    /// Tells the audit why what somebody came with is not taken.
    fn not_taken(&self, known: &Known) {
        let (code, why) = match (&known.token, &known.refused) {
            (None, Some(Refused(why))) => ("TOKEN_REFUSED", &*unquoted(why)),
            (None, None) => ("TOKEN_UNKNOWN", "it is nobody's"),
            (Some((token, ..)), _) if token.revoked_at.is_some() => ("TOKEN_REVOKED", "it was revoked"),
            (Some((token, None, _)), _) if token.role_id.is_some() => {
                ("TOKEN_REVOKED", "its role was deleted")
            }
            (Some((token, _, None)), _) if token.user_id.is_some() => {
                ("TOKEN_REVOKED", "its user was deleted")
            }
            (Some(_), _) => ("TOKEN_EXPIRED", "it has expired"),
        };
        let token = known.token.as_ref().map(|(token, ..)| token);
        self.0.audit.not_taken(token, code, format!("A token was not taken: {why}."), self.now());
    }

    fn caller(&self, known: &Known) -> Option<Caller> {
        let (token, composed, user) = known.token.as_ref()?;
        let (role, rights) = match (token.role_id, composed, token.user_id) {
            (None, _, None) => (token.role, Rights::of(token.role)),
            (None, _, Some(_)) => (token::Role::SelfService, Rights::of(token::Role::SelfService)),
            (Some(_), Some(role), _) => (built_in(&role.rights), role.rights),
            // Its role was deleted a moment ago.
            (Some(_), None, _) => return None,
        };
        let scope = match (token.user_id, user) {
            (None, _) => token.organization_id.map_or(Scope::All, Scope::Below),
            (Some(_), Some(user)) => Scope::Below(user.organization_id),
            // Its user was deleted a moment ago.
            (Some(_), None) => return None,
        };
        let over = |at: Moment| at <= self.now();
        let ended =
            token.revoked_at.is_some() || token.expires_at.is_some_and(over) || known.until.is_some_and(over);
        (!ended).then(|| Caller {
            token: Some(token.id),
            name: token.name.clone(),
            role,
            composed: token.role_id,
            rights,
            own: token.user_id,
            scope,
            until: known.until,
            origin: origin::current(),
        })
    }
}

/// A reason without what it quotes of a token: between quotation marks, and behind a colon.
fn unquoted(why: &str) -> String {
    let why = match (why.split_once('"'), why.rsplit_once('"')) {
        (Some((before, _)), Some((_, after))) => format!("{before}…{after}"),
        _ => why.to_owned(),
    };
    why.split(':').next().unwrap_or_default().to_owned()
}

/// The role of this name, however its letters are written.
fn named(name: &str) -> Option<token::Role> {
    let name = name.replace(['-', '_'], "");
    [token::Role::SelfService, token::Role::Viewer, token::Role::Operator, token::Role::Admin]
        .into_iter()
        .find(|role| format!("{role:?}").eq_ignore_ascii_case(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_without_what_it_quotes() {
        for (why, want) in [
            ("it has expired", "it has expired"),
            ("it has no `exp`", "it has no `exp`"),
            (r#"its key "a: \"b" for EdDSA is unknown"#, "its key … for EdDSA is unknown"),
            ("its header cannot be read: unknown variant `x`", "its header cannot be read"),
        ] {
            assert_eq!(unquoted(why), want);
        }
    }
}
