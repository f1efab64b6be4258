//! Roles that an organization's administrators compose (ACC-2, ACC-3), and the matrix of what may be done to which kind of
//! thing. The three roles that are built in are the same matrix.

use std::fmt;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{Moment, OrganizationId, RoleId, change_subject::Noun, json::json_column, token};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Deserialize, Eq, PartialEq, Serialize)]
#[sea_orm(table_name = "role")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RoleId,
    /// It is given at this organization and below.
    pub organization_id: OrganizationId,
    pub name: String,
    /// `name` in lower case; unique in the organization.
    pub name_key: String,
    pub description: String,
    pub rights: Rights,
    pub version: i64,
    pub created_at: Moment,
    pub updated_at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}

/// What may be done to things of a kind.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Action {
    Read,
    Create,
    Update,
    Delete,
    Export,
    Bulk,
    Session,
    Configure,
}

impl Action {
    /// Every action, in the order in which they are told.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::Create,
        Self::Update,
        Self::Delete,
        Self::Export,
        Self::Bulk,
        Self::Session,
        Self::Configure,
    ];

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Kinds of things that rights are about, in the order in which they are told.
pub const NOUNS: [Noun; 17] = [
    Noun::Organization,
    Noun::Cluster,
    Noun::Role,
    Noun::Template,
    Noun::Service,
    Noun::DefaultDeviceProfile,
    Noun::QuickAddGroup,
    Noun::Profile,
    Noun::Phone,
    Noun::Device,
    Noun::Line,
    Noun::User,
    Noun::Button,
    Noun::ServiceSubscription,
    Noun::Number,
    Noun::Session,
    Noun::Job,
];

/// What there is to be allowed of a kind: how an estate is laid out is configured, what is in it is made, changed and
/// deleted, people are logged in and out, and all of it is read. What a line does on a device is the line's.
pub const fn actions(noun: Noun) -> &'static [Action] {
    use Action::{Bulk, Configure, Create, Delete, Export, Read, Session, Update};
    match noun {
        Noun::Organization
        | Noun::Cluster
        | Noun::Template
        | Noun::Service
        | Noun::DefaultDeviceProfile
        | Noun::QuickAddGroup => &[Read, Export, Bulk, Configure],
        Noun::Role => &[Read, Configure],
        Noun::Profile
        | Noun::Phone
        | Noun::Device
        | Noun::Line
        | Noun::User
        | Noun::Button
        | Noun::ServiceSubscription
        | Noun::Number => &[Read, Create, Update, Delete, Export, Bulk],
        Noun::Session => &[Read, Export, Bulk, Session],
        Noun::Job => &[Read],
        Noun::Appearance => &[],
    }
}

/// What may be done to what: a set of actions for each kind of thing.
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct Rights([u8; KINDS]);

/// As many as [`Noun`] has.
const KINDS: usize = 18;

impl Rights {
    /// Reading everything, and nothing more.
    pub fn reading() -> Self {
        NOUNS.into_iter().map(|noun| (noun, Action::Read)).collect()
    }

    /// What a role that is built in may do. Whoever sees the own page only has no right to any kind of thing as such.
    pub fn of(role: token::Role) -> Self {
        let mut rights = Self::default();
        for noun in NOUNS {
            for action in actions(noun) {
                let least = match action {
                    Action::Read | Action::Export => token::Role::Viewer,
                    Action::Configure => token::Role::Admin,
                    // Many at once of what may be done one by one.
                    Action::Bulk if actions(noun).contains(&Action::Configure) => token::Role::Admin,
                    Action::Create | Action::Update | Action::Delete | Action::Bulk | Action::Session => {
                        token::Role::Operator
                    }
                };
                if role >= least {
                    rights.allow(*action, noun);
                }
            }
        }
        rights
    }

    /// Adds a right; what there is not to be allowed is left out.
    pub fn allow(&mut self, action: Action, noun: Noun) {
        if actions(noun).contains(&action) {
            self.0[noun as usize] |= action.bit();
        }
    }

    /// Whether this may be done to things of that kind.
    pub const fn allows(&self, action: Action, noun: Noun) -> bool {
        self.0[noun as usize] & action.bit() != 0
    }

    /// Whether this may be done to things of any kind.
    pub fn allows_any(&self, action: Action) -> bool {
        self.0.iter().any(|actions| actions & action.bit() != 0)
    }

    /// Whether things of that kind are read. What a line does on a device is read with lines.
    pub const fn reads(&self, noun: Noun) -> bool {
        match noun {
            Noun::Appearance => self.allows(Action::Read, Noun::Line),
            noun => self.allows(Action::Read, noun),
        }
    }

    /// Whether they hold everything that others do.
    pub fn hold(&self, others: &Self) -> bool {
        self.0.iter().zip(&others.0).all(|(own, other)| own & other == *other)
    }

    /// What they have and others have not.
    #[must_use]
    pub fn without(&self, others: &Self) -> Self {
        let mut left = *self;
        left.0.iter_mut().zip(&others.0).for_each(|(own, other)| *own &= !other);
        left
    }

    /// Both together.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        let mut both = *self;
        both.0.iter_mut().zip(&others.0).for_each(|(own, other)| *own |= other);
        both
    }

    /// Each right, kind by kind.
    pub fn each(&self) -> impl Iterator<Item = (Noun, Action)> + '_ {
        let of = |noun: Noun| Action::ALL.into_iter().map(move |action| (noun, action));
        NOUNS.into_iter().flat_map(of).filter(|(noun, action)| self.allows(*action, *noun))
    }
}

impl FromIterator<(Noun, Action)> for Rights {
    fn from_iter<I: IntoIterator<Item = (Noun, Action)>>(rights: I) -> Self {
        let mut all = Self::default();
        rights.into_iter().for_each(|(noun, action)| all.allow(action, noun));
        all
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.each()).finish()
    }
}

/// As a list of pairs of words, so that what is kept can be read, and goes on meaning the same when kinds are added.
impl Serialize for Rights {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.each())
    }
}

/// Where nothing is said of reading, everything is read; else what is named, and whatever else something may be done to.
impl<'de> Deserialize<'de> for Rights {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let pairs = Vec::<(Noun, Action)>::deserialize(from)?;
        if let Some(pair) = pairs.iter().find(|(noun, action)| !actions(*noun).contains(action)) {
            return Err(D::Error::custom(format!("there is no right {pair:?}")));
        }
        let says = pairs.iter().any(|(_, action)| *action == Action::Read);
        let read: Self = pairs.iter().map(|(noun, _)| (*noun, Action::Read)).collect();
        let all: Self = pairs.into_iter().collect();
        Ok(all.and(&if says { read } else { Self::reading() }))
    }
}

json_column!(Rights);

#[cfg(test)]
mod tests {
    use sea_orm::Iterable;

    use super::*;

    #[test]
    fn every_kind_has_its_place() {
        assert_eq!(Noun::iter().count(), KINDS);
        for noun in Noun::iter() {
            assert_eq!(NOUNS.contains(&noun), !actions(noun).is_empty(), "{noun:?}");
        }
    }

    #[test]
    fn each_role_that_is_built_in_holds_the_ones_before_it() {
        let [viewer, operator, admin] =
            [token::Role::Viewer, token::Role::Operator, token::Role::Admin].map(Rights::of);
        assert!(operator.hold(&viewer) && admin.hold(&operator) && !viewer.hold(&operator));
        assert!(viewer.each().all(|(_, action)| matches!(action, Action::Read | Action::Export)));
        assert!(viewer.hold(&Rights::reading()) && viewer.reads(Noun::Appearance));
        assert_eq!(Rights::of(token::Role::SelfService), Rights::default());
        assert!(operator.allows(Action::Session, Noun::Session) && !viewer.allows_any(Action::Bulk));
        assert!(!operator.allows_any(Action::Configure) && !operator.allows(Action::Bulk, Noun::Cluster));
        let all: usize = NOUNS.iter().map(|noun| actions(*noun).len()).sum();
        assert_eq!(admin.each().count(), all);
    }

    #[test]
    fn rights_are_kept_as_words() {
        let mut rights = Rights::default();
        rights.allow(Action::Update, Noun::Line);
        rights.allow(Action::Session, Noun::Line);
        rights.allow(Action::Create, Noun::Profile);
        let text = serde_json::to_string(&rights).expect("plain data");
        assert_eq!(text, r#"[["PROFILE","CREATE"],["LINE","UPDATE"]]"#);
        assert!(serde_json::from_str::<Rights>(r#"[["JOB","CREATE"]]"#).is_err());
        let all = Rights::of(token::Role::Admin);
        assert_eq!(all.without(&rights).and(&rights), all);
    }

    #[test]
    fn who_is_told_nothing_of_reading_reads_everything() {
        let read = |text: &str| serde_json::from_str::<Rights>(text).expect("rights");
        assert_eq!(read("[]"), Rights::reading());
        let line = read(r#"[["LINE","UPDATE"]]"#);
        assert!(line.hold(&Rights::reading()) && line.allows(Action::Update, Noun::Line));
        // What something may be done to is read too.
        let told = read(r#"[["USER","READ"],["LINE","UPDATE"]]"#);
        let wanted = [(Noun::Line, Action::Read), (Noun::Line, Action::Update), (Noun::User, Action::Read)];
        assert_eq!(told.each().collect::<Vec<_>>(), wanted);
        assert!(told.reads(Noun::Appearance) && !told.reads(Noun::Profile));
        let text = serde_json::to_string(&told).expect("plain data");
        assert_eq!(read(&text), told);
    }
}
