//! Who asks, what they may do, and which subtree they see.

use std::sync::Arc;

use entity::{
    Moment, OrganizationId, RoleId, TokenId, UserId,
    role::{NOUNS, Rights},
    token::Role,
};
pub use entity::{change_subject::Noun, role::Action};

use crate::{config::Audience, origin::Origin};

/// Who asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caller {
    /// The token; none when the server runs without tokens, or for the command line.
    pub token: Option<TokenId>,
    /// The name under which changes are kept.
    pub name: String,
    /// The role that is built in; for a role that was composed, the greatest whose rights it has.
    pub role: Role,
    /// The role that was composed, where it is one.
    pub composed: Option<RoleId>,
    /// What the role allows.
    pub rights: Rights,
    /// The user whose own page this is, where the caller sees no more than that.
    pub own: Option<UserId>,
    pub scope: Scope,
    /// When what the caller came with ends, where that is not the token's own end: a JSON Web Token's.
    pub until: Option<Moment>,
    /// Where the caller came from; none for what the server does by itself, and for the command line.
    pub origin: Option<Arc<Origin>>,
}

/// Which part of the organization tree is seen; the rest looks absent (ACC-7).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Scope {
    /// The whole tree.
    All,
    /// An organization and everything below it.
    Below(OrganizationId),
}

/// What a call asks to be allowed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Right {
    /// Look at anything in the scope.
    Read,
    /// Change something, whatever it is.
    Edit,
    /// Change all that an estate is laid out with: organizations, clusters and what belongs to them.
    Configure,
    /// Do this to things of a kind (ACC-3).
    To(Action, Noun),
    /// The same; a user does it to what is their own without the right.
    ToOwn(Action, Noun),
    /// Have rows of a kind of thing made and changed from a file.
    Import(Noun),
    /// Do many of something at once.
    Bulk,
}

impl Caller {
    /// The command line itself, and a server that runs without tokens.
    pub fn administrator(name: &str) -> Self {
        Self {
            token: None,
            name: name.to_owned(),
            role: Role::Admin,
            composed: None,
            rights: Rights::of(Role::Admin),
            own: None,
            scope: Scope::All,
            until: None,
            origin: None,
        }
    }

    /// Whether the role carries the right. Every question of what somebody may do is answered here.
    pub fn may(&self, right: Right) -> bool {
        let may = |action, noun| self.rights.allows(action, noun);
        match right {
            Right::Read => self.own.is_none(),
            Right::Edit => {
                [Action::Create, Action::Update, Action::Delete, Action::Session, Action::Configure]
                    .into_iter()
                    .any(|action| self.rights.allows_any(action))
            }
            Right::Configure => self.rights.hold(&Rights::of(Role::Admin)),
            Right::To(action, noun) => may(action, noun),
            Right::ToOwn(action, noun) => self.own.is_some() || may(action, noun),
            Right::Import(noun) => {
                let made = [Action::Create, Action::Update].into_iter().all(|action| may(action, noun));
                may(Action::Bulk, noun)
                    && (made || may(Action::Configure, noun) || may(Action::Session, noun))
            }
            Right::Bulk => self.rights.allows_any(Action::Bulk),
        }
    }

    /// The kinds of things that the caller does not read.
    pub fn unread(&self) -> impl Iterator<Item = Noun> + '_ {
        let kinds = NOUNS.into_iter().chain([Noun::Appearance]);
        kinds.filter(|noun| !self.rights.reads(*noun))
    }
}

impl Right {
    /// What a command of one thing asks for when many of it are done at once.
    #[must_use]
    pub fn many(self) -> Self {
        match self {
            Self::To(_, noun) | Self::ToOwn(_, noun) => Self::To(Action::Bulk, noun),
            other => other,
        }
    }
}

/// The greatest role that is built in and whose rights these hold.
pub fn built_in(rights: &Rights) -> Role {
    let held = |role: &Role| rights.hold(&Rights::of(*role));
    [Role::Admin, Role::Operator].into_iter().find(held).unwrap_or(Role::Viewer)
}

/// Whether something is for whoever asks; none is a stranger.
pub fn is_for(audience: Audience, caller: Option<&Caller>) -> bool {
    match audience {
        Audience::Everyone => true,
        Audience::Operators => caller.is_some_and(|caller| caller.may(Right::Edit)),
        Audience::Administrators => caller.is_some_and(|caller| caller.may(Right::Configure)),
        Audience::Nobody => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(rights: Rights) -> Caller {
        Caller { role: built_in(&rights), rights, ..Caller::administrator("x") }
    }

    #[test]
    fn each_role_has_its_rights() {
        let may = |role, right| with(Rights::of(role)).may(right);
        for (role, read, edit, configure) in [
            (Role::Viewer, true, false, false),
            (Role::Operator, true, true, false),
            (Role::Admin, true, true, true),
        ] {
            assert_eq!(
                (may(role, Right::Read), may(role, Right::Edit), may(role, Right::Configure)),
                (read, edit, configure)
            );
            assert_eq!(with(Rights::of(role)).role, role);
        }
    }

    #[test]
    fn a_composed_role_may_what_it_says_and_no_more() {
        let help = with(Rights::reading().and(&Rights::from_iter([
            (Noun::Session, Action::Session),
            (Noun::Line, Action::Create),
            (Noun::Line, Action::Update),
        ])));
        assert_eq!(help.role, Role::Viewer);
        assert!(help.may(Right::Read) && help.may(Right::Edit) && !help.may(Right::Configure));
        assert!(help.may(Right::To(Action::Session, Noun::Session)));
        assert!(!help.may(Right::To(Action::Delete, Noun::Line)));
        assert!(!help.may(Right::Import(Noun::Line)) && !help.may(Right::Bulk));
        let with_bulk = with(help.rights.and(&Rights::from_iter([(Noun::Line, Action::Bulk)])));
        assert!(with_bulk.may(Right::Import(Noun::Line)) && with_bulk.may(Right::Bulk));
        assert!(!with_bulk.may(Right::Import(Noun::User)));
        assert_eq!(Right::To(Action::Update, Noun::User).many(), Right::To(Action::Bulk, Noun::User));
        assert_eq!(help.unread().count(), 0);
    }

    #[test]
    fn a_user_may_what_is_their_own_and_nothing_else() {
        let user = Caller { own: Some(UserId(7)), ..with(Rights::of(Role::SelfService)) };
        let own = Right::ToOwn(Action::Update, Noun::Button);
        assert!(user.may(own) && !user.may(own.many()));
        for right in [
            Right::Read,
            Right::Edit,
            Right::Configure,
            Right::Bulk,
            Right::To(Action::Update, Noun::Button),
            Right::Import(Noun::Button),
        ] {
            assert!(!user.may(right), "{right:?}");
        }
        assert_eq!(user.unread().count(), NOUNS.len() + 1);
        assert!(!with(Rights::of(Role::Viewer)).may(own) && with(Rights::of(Role::Operator)).may(own));
    }
}
