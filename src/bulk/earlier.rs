//! Which rows of a job build on which. Validation tries rows part by part and undoes each part, so a row that builds on
//! one of another part, or repeats what that one made, is tried behind it: those it builds on are done once more before it,
//! in the same transaction, and are undone with it.
//!
//! What a row makes and needs is told by keys, hashes of the names in its cells, which stand in the database and not in
//! memory. A key too many costs a row that is done in vain, and changes no verdict.

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::{JobId, job::Mode};
use sha2::{Digest, Sha256};

use super::{
    column::File,
    read::{Values, kept},
    secret::whole,
};
use crate::{
    error::Error,
    rule::{Change, value},
    store::{
        Tx,
        job::{self, Kept},
    },
};

/// Rows that are done once more for one row, at most. One that builds on more is not tried.
const MOST: usize = 200;
/// Rows that are told of those on which a row builds.
const TOLD: usize = 10;

/// What a row makes and what it needs.
#[derive(Debug, Default)]
struct Keys {
    makes: Vec<i64>,
    needs: Vec<i64>,
    /// Of what it takes the next one that is free, whichever that is.
    takes: Option<i64>,
}

/// What is to be done before a row of a part.
pub struct Before {
    /// The first rows of those on which it builds; none where it stands for itself.
    pub told: Vec<i64>,
    /// Those that are to be done, in their order; none where they are too many for the row to be tried.
    pub rows: Option<Vec<Kept>>,
}

/// The rows of one part, and the earlier ones on which they build.
pub struct Earlier {
    job: JobId,
    file: File,
    mode: Mode,
    keys: HashMap<i64, Keys>,
    /// Keys of the part that rows of earlier parts made.
    made: HashSet<i64>,
    /// Keys that rows of this part would have made, had they been tried.
    open: HashSet<i64>,
    /// How many rows of earlier parts take of the same, by its key.
    taken: HashMap<i64, i64>,
    /// Earlier rows that were done once more.
    done: HashSet<i64>,
    /// What rows of this part made.
    kept: Vec<(i64, i64)>,
}

impl Earlier {
    /// Looks which rows of a part build on earlier ones.
    pub async fn of(tx: &Tx, job: JobId, (file, mode): (File, Mode), rows: &[Kept]) -> Result<Self, Error> {
        let keys: HashMap<_, _> = rows.iter().map(|row| (row.place, keys_of(file, mode, row))).collect();
        let all: BTreeSet<_> = keys.values().flat_map(Keys::all).collect();
        let made = job::made(tx, job, &all.into_iter().collect::<Vec<_>>()).await?;
        let takes: BTreeSet<_> = keys.values().filter_map(|keys| keys.takes).collect();
        let mut taken = HashMap::new();
        if !takes.is_empty() {
            let counted = job::count_made(tx, job, &takes.into_iter().collect::<Vec<_>>()).await?;
            taken.extend(counted);
        }
        let made = made.into_iter().collect();
        let (open, done, kept) = (HashSet::new(), HashSet::new(), Vec::new());
        Ok(Self { job, file, mode, keys, made, open, taken, done, kept })
    }

    /// How many rows of earlier parts take of what the row takes one of, without those that were done once more.
    pub fn taken(&self, place: i64) -> i64 {
        let takes = self.keys.get(&place).and_then(|keys| keys.takes);
        takes.and_then(|key| self.taken.get(&key)).copied().unwrap_or_default()
    }

    /// What is to be done before the row is tried.
    pub async fn before(&mut self, tx: &Tx, row: &Kept) -> Result<Before, Error> {
        let all: Vec<_> = self.keys.get(&row.place).into_iter().flat_map(Keys::all).collect();
        let mut wanted: Vec<_> = all.iter().copied().filter(|key| self.made.contains(key)).collect();
        let mut known = all.iter().any(|key| self.open.contains(key));
        let mut asked: HashSet<i64> = wanted.iter().copied().collect();
        let (mut found, mut told) = (HashMap::new(), Vec::new());
        while !wanted.is_empty() {
            let places = job::makers(tx, self.job, &wanted, MOST + 1).await?;
            if told.is_empty() {
                told = places.iter().copied().take(TOLD).collect();
            }
            let new: Vec<_> = places.into_iter().filter(|place| !found.contains_key(place)).collect();
            if found.len() + new.len() > MOST {
                known = true;
                break;
            }
            let rows = job::rows_at(tx, self.job, &new).await?;
            wanted = rows
                .iter()
                .flat_map(|row| keys_of(self.file, self.mode, row).all().collect::<Vec<_>>())
                .collect();
            wanted.retain(|key| asked.insert(*key));
            found.extend(rows.into_iter().map(|row| (row.place, row)));
        }
        if known {
            self.open.extend(self.keys.get(&row.place).into_iter().flat_map(|keys| &keys.makes));
            return Ok(Before { told, rows: None });
        }
        let mut rows: Vec<_> = found.into_values().filter(|row| !self.done.contains(&row.place)).collect();
        rows.sort_by_key(|row| row.place);
        for row in &rows {
            self.done.insert(row.place);
            if let Some(taken) =
                keys_of(self.file, self.mode, row).takes.and_then(|key| self.taken.get_mut(&key))
            {
                *taken -= 1;
            }
        }
        Ok(Before { told, rows: Some(rows) })
    }

    /// Notes that a row passed with these changes, or that only the run will tell: later rows may build on it.
    pub fn passed(&mut self, place: i64, changes: &[Change]) {
        // What a Quick Add group's pattern calls a profile does not stand in the row.
        let named = changes.iter().filter_map(|change| match change {
            Change::ProfileCreated { profile } if self.file == File::QuickAdds => Some(&profile.name_key),
            _ => None,
        });
        self.kept.extend(named.map(|name| (hash(&["profileName", name]), place)));
        let keys = self.keys.get(&place).into_iter();
        let kept = keys.flat_map(|keys| keys.makes.iter().chain(&keys.takes));
        self.kept.extend(kept.map(|key| (*key, place)));
    }

    /// What rows of the part made, as keys with places.
    pub fn into_kept(self) -> Vec<(i64, i64)> {
        self.kept
    }
}

impl Keys {
    fn all(&self) -> impl Iterator<Item = i64> {
        self.makes.iter().chain(&self.needs).copied()
    }
}

fn keys_of(file: File, mode: Mode, row: &Kept) -> Keys {
    let body = whole(file, row).unwrap_or_default();
    // A row that cannot be read makes nothing.
    kept(file, &body, mode).map_or_else(|_| Keys::default(), |values| keys(file, &values))
}

/// What the row makes, or changes so that it matters to others, and what it needs, by its bare cells.
fn keys(file: File, row: &Values<'_>) -> Keys {
    let cell = |column| value::key(row.text(column).unwrap_or_default().trim());
    // A cluster may be named with its organization's path or without.
    let cluster = cell("cluster").rsplit('.').next().unwrap_or_default().to_owned();
    let on = |column| hash(&[column, &cluster, &cell(column)]);
    let line = || hash(&["line", &cluster, &cell("pattern"), &cell("partition")]);
    let made = |makes| Keys { makes, ..Keys::default() };
    match file {
        File::Organizations => {
            let path = cell("path");
            let above = path.rsplit_once('.').map(|(above, _)| hash(&["path", above]));
            Keys { makes: vec![hash(&["path", &path])], needs: above.into_iter().collect(), takes: None }
        }
        File::Clusters | File::QuickAddGroups => {
            made(vec![hash(&["name", &cell("organization"), &cell("name")])])
        }
        File::Devices | File::Profiles | File::Phones | File::Services | File::Templates => {
            made(vec![on("name")])
        }
        File::Users => made(vec![on("userId")]),
        // A profile's users have places, and a user may have only so many profiles.
        File::ProfileUsers => made(vec![on("profile"), on("user")]),
        File::UserPhones | File::UserCtiProfiles => made(vec![on("user")]),
        File::Lines => made(vec![line()]),
        // Originals come before clones, and lines of a device share its places and calls.
        File::Appearances => made(vec![line(), on("device")]),
        File::Buttons | File::ServiceSubscriptions => made(vec![on("device")]),
        // A number may have to be unique within its customer, whatever the partition and the cluster.
        File::Numbers => made(vec![hash(&["pattern", &cell("pattern")])]),
        File::DefaultDeviceProfiles => made(vec![on("product")]),
        File::Sessions => made(vec![on("phone"), on("user")]),
        File::QuickAdds => {
            let given = ["userId", "number", "profileName"].into_iter();
            let given = given.filter(|column| row.text(column).is_some());
            let makes = given.map(|column| hash(&[column, &cell(column)])).collect();
            let from = ["group", "groupOrganization", "organization"].map(cell);
            let next = || hash(&["next", &from[0], &from[1], &from[2]]);
            Keys { makes, needs: Vec::new(), takes: row.text("number").is_none().then(next) }
        }
    }
}

fn hash(parts: &[&str]) -> i64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    let bytes = hash.finalize();
    bytes.iter().take(8).fold(0, |number, byte| (number << 8) | i64::from(*byte))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn row(body: &Value) -> Kept {
        Kept { place: 1, line: 1, body: body.to_string(), secret: None }
    }

    /// Whether the second row builds on the first.
    fn builds(file: File, first: &Value, second: &Value) -> bool {
        let (first, second) =
            (keys_of(file, Mode::Create, &row(first)), keys_of(file, Mode::Create, &row(second)));
        assert!(!first.makes.is_empty(), "{}", file.name());
        second.all().any(|key| first.makes.contains(&key))
    }

    #[test]
    fn rows_build_on_those_that_make_what_they_name() {
        let user = |cluster: &str, name: &str| json!({"cluster": cluster, "userId": name, "organization": "a", "lastName": "x"});
        let at = |device: &str, pattern: &str| json!({"cluster": "c", "pattern": pattern, "device": device});
        for (file, first, second, want) in [
            (File::Users, user("c", "anna"), user("acme.C", "anna"), true),
            (File::Users, user("c", "anna"), user("d", "anna"), false),
            (File::Users, user("c", "anna"), user("c", "ben"), false),
            (
                File::Organizations,
                json!({"path": "A.b", "kind": "SITE"}),
                json!({"path": "a.B.c", "kind": "SITE"}),
                true,
            ),
            (
                File::Organizations,
                json!({"path": "a.b", "kind": "SITE"}),
                json!({"path": "a.c", "kind": "SITE"}),
                false,
            ),
            (File::Appearances, at("EM-1", "1"), at("EM-2", "1"), true),
            (File::Appearances, at("EM-1", "1"), at("em-1", "2"), true),
            (File::Appearances, at("EM-1", "1"), at("EM-2", "2"), false),
            (
                File::QuickAdds,
                json!({"group": "g", "userId": "anna"}),
                json!({"group": "h", "userId": "anna"}),
                true,
            ),
            (
                File::QuickAdds,
                json!({"group": "g", "userId": "anna"}),
                json!({"group": "g", "userId": "ben"}),
                false,
            ),
        ] {
            assert_eq!(builds(file, &first, &second), want, "{first} {second}");
        }
    }

    #[test]
    fn a_row_that_cannot_be_read_makes_nothing() {
        assert!(keys_of(File::Users, Mode::Create, &row(&json!({"cluster": "c"}))).makes.is_empty());
    }
}
