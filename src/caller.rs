//! Who asks, what they may do, and which subtree they see.

use entity::{OrganizationId, TokenId, token::Role};

/// Who asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caller {
    /// The token; none when the server runs without tokens, or for the command line.
    pub token: Option<TokenId>,
    /// The name under which changes are kept.
    pub name: String,
    pub role: Role,
    pub scope: Scope,
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
    /// Change profiles, lines, users, phones, numbers and device names; log in and out (ACC-6).
    Edit,
    /// Change organizations, clusters and tokens.
    Configure,
}

impl Caller {
    /// The command line itself, and a server that runs without tokens.
    pub fn administrator(name: &str) -> Self {
        Self { token: None, name: name.to_owned(), role: Role::Admin, scope: Scope::All }
    }

    /// Whether this is an administrator, whatever of the tree they see.
    pub fn is_administrator(&self) -> bool {
        self.role >= Role::Admin
    }

    /// Whether the role carries the right.
    pub fn may(&self, right: Right) -> bool {
        match right {
            Right::Read => true,
            Right::Edit => self.role >= Role::Operator,
            Right::Configure => self.role >= Role::Admin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_its_rights() {
        let may = |role, right| Caller { role, ..Caller::administrator("x") }.may(right);
        for (role, read, edit, configure) in [
            (Role::Viewer, true, false, false),
            (Role::Operator, true, true, false),
            (Role::Admin, true, true, true),
        ] {
            assert_eq!(
                (may(role, Right::Read), may(role, Right::Edit), may(role, Right::Configure)),
                (read, edit, configure)
            );
        }
    }
}
