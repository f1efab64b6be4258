//! What a row of a job does to what is there: it changes it, or deletes it, by the commands of the mutations of one. Rows
//! name things as exports do, so an export that was edited is sent back as it is. Only columns that are there are changed,
//! and an empty cell puts the default back, as null does in a mutation; a column that cannot be changed may be there, and
//! must say what is so.

use entity::{
    ClusterId, DeviceId, LineId, NumberId, OrganizationId, ServiceId, UserId, device::Kind, number::Extra,
    service::Parameter,
};
use serde::Serialize;
use serde_json::Value;

use super::{
    super::{
        column::{Field, File},
        read::{Faults, Values},
        unreadable, written,
    },
    Import, Key, Missing, Stop,
    make::{USER, objects},
    together,
};
use crate::{
    error::Error,
    rule::{
        Patch, Rule, line, number, profile,
        service::{self, ParameterFields},
        session::{ApplyPolicy, OnActiveSession},
        user, value,
    },
    store::{
        self, Tx,
        page::{Filter, Slice, by_ids, page},
        row::{Columns, Row, all},
    },
};

/// What a row names.
#[derive(Clone, Copy)]
enum Named {
    Profile(DeviceId),
    Line(LineId),
    User(UserId),
    Number(NumberId),
    Service(ServiceId),
}

/// Columns that say what cannot be changed.
struct Fixed<'a> {
    row: &'a Values<'a>,
    faults: Faults,
}

impl Fixed<'_> {
    /// Refuses a column that says something else than what is so.
    fn keep(&mut self, column: &'static str, is: &impl Serialize) -> Result<(), Error> {
        let is = serde_json::to_value(is).map_err(Error::internal)?;
        let said = self.row.value(column);
        if self.row.has(column) && !(is_empty(&is) && is_empty(said)) && is != *said {
            self.faults.push((Some(column), fixed(column, &is)));
        }
        Ok(())
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn fixed(column: &str, is: &Value) -> Rule {
    let is = match is {
        Value::String(text) => format!("'{text}'"),
        empty if is_empty(empty) => "empty".to_owned(),
        other => other.to_string(),
    };
    unreadable(
        format!("The {column}"),
        format!("it is {is}, and no row changes it; leave it so, or leave the column out"),
    )
}

impl Import<'_> {
    /// Changes what the row names.
    pub(super) async fn change(&mut self, tx: &mut Tx, file: File, row: &Values<'_>) -> Result<(), Stop> {
        match self.named(tx, file, row).await? {
            Named::Profile(id) => self.change_profile(tx, row, id).await,
            Named::Line(id) => self.change_line(tx, row, id).await,
            Named::User(id) => self.change_user(tx, row, id).await,
            Named::Number(id) => self.change_number(tx, row, id).await,
            Named::Service(id) => self.change_service(tx, row, id).await,
        }
    }

    /// Deletes what the row names, unless it is in use, as the mutation of one does when it is told nothing more.
    pub(super) async fn delete(&mut self, tx: &mut Tx, file: File, row: &Values<'_>) -> Result<(), Stop> {
        let expected_version = None;
        let none = |_: &[_]| Faults::new();
        match self.named(tx, file, row).await? {
            Named::Profile(id) => {
                let on_active_session = OnActiveSession::default();
                let cmd =
                    profile::Delete { id, expected_version, release_logout_phones: false, on_active_session };
                self.stage(tx, file, row, &cmd, none).await?;
            }
            Named::Line(id) => {
                let cmd = line::Delete { id, expected_version, remove_appearances: false };
                self.stage(tx, file, row, &cmd, none).await?;
            }
            Named::User(id) => {
                let (sole_profiles, on_active_session) = (None, OnActiveSession::default());
                let cmd = user::Delete { id, expected_version, sole_profiles, on_active_session };
                self.stage(tx, file, row, &cmd, none).await?;
            }
            Named::Number(id) => {
                self.stage(tx, file, row, &number::DeleteOne { id, expected_version }, none).await?;
            }
            Named::Service(id) => {
                let cmd = service::Delete { id, expected_version, unsubscribe: false };
                self.stage(tx, file, row, &cmd, none).await?;
            }
        }
        // A later row that names it finds nothing.
        self.known.retain(|key, _| matches!(key, Key::Organization(_)));
        Ok(())
    }

    async fn named(&mut self, tx: &Tx, file: File, row: &Values<'_>) -> Result<Named, Stop> {
        let mut missing = Missing::default();
        let Some(cluster) = missing.take("cluster", self.cluster(tx, row.must("cluster")).await?) else {
            return missing.settle(None);
        };
        let (pattern, partition) = (row.must("pattern"), row.text("partition").unwrap_or_default());
        let found = match file {
            File::Profiles => {
                let found = self.device(tx, cluster, row.must("name"), Some(Kind::Profile)).await?;
                missing.take("name", found).map(Named::Profile)
            }
            File::Lines => {
                let found = self.line(tx, cluster, pattern, partition).await?;
                missing.take("pattern", found).map(Named::Line)
            }
            File::Users => {
                let found = self.user(tx, cluster, row.must("userId")).await?;
                missing.take("userId", found).map(Named::User)
            }
            File::Services => {
                let found = self.service(tx, cluster, row.must("name")).await?;
                missing.take("name", found).map(Named::Service)
            }
            File::Numbers => {
                let found = self.number(tx, cluster, pattern, partition).await?;
                if found.is_none() {
                    let rule = Rule::NotFound { noun: "number", id: format!("'{pattern}'") };
                    missing.absent.push((Some("pattern"), rule));
                }
                found.map(Named::Number)
            }
            _ => return Err(Error::internal(anyhow::anyhow!("rows of this file only make things")).into()),
        };
        missing.settle(found)
    }

    async fn number(
        &self,
        tx: &Tx,
        cluster: ClusterId,
        pattern: &str,
        partition: &str,
    ) -> Result<Option<NumberId>, Error> {
        let filter = Filter::All(vec![
            Filter::Numbers("t.cluster_id", vec![cluster.0]),
            Filter::Is("t.pattern", pattern.to_owned()),
            Filter::Is("t.partition", partition.to_owned()),
        ]);
        let (order, slice) = (store::line::BY_PATTERN, Slice::front(1));
        let columns = Columns::own(all::<store::number::Row>());
        let found =
            page::<store::number::Row>(tx, self.caller.scope, &filter, order, &slice, columns).await?;
        Ok(found.rows.first().map(|(_, key)| NumberId(key.id)))
    }

    /// What is there under the id; the caller saw it a moment ago.
    async fn current<R: Row>(&self, tx: &Tx, id: i64) -> Result<R, Stop> {
        let columns = Columns::own(all::<R>());
        let mut found = by_ids::<R>(tx, self.caller.scope, &[id], columns).await.map_err(Error::from)?;
        let gone = || Stop::Rules(vec![(None, Rule::NotFound { noun: "thing", id: id.to_string() })]);
        found.remove(&id).ok_or_else(gone)
    }

    /// The columns that say what is so, with where it is kept.
    async fn fixed<'a>(
        &self,
        tx: &Tx,
        row: &'a Values<'a>,
        organization: OrganizationId,
    ) -> Result<Fixed<'a>, Stop> {
        let mut fixed = Fixed { row, faults: Faults::new() };
        if let Some(said) = row.text("organization") {
            let columns = Columns::own(all::<store::organization::Row>());
            let ids = [organization.0];
            let found = by_ids::<store::organization::Row>(tx, self.caller.scope, &ids, columns).await;
            let found = found.map_err(Error::from)?;
            // One above the caller's subtree has no path that the caller could write.
            let path = match found.get(&organization.0) {
                Some(row) => row.path.get().map_err(Error::from)?.as_str(),
                None => "",
            };
            if value::key(said) != value::key(path) {
                fixed.faults.push((Some("organization"), self::fixed("organization", &path.into())));
            }
        }
        Ok(fixed)
    }

    async fn change_profile(&mut self, tx: &mut Tx, row: &Values<'_>, id: DeviceId) -> Result<(), Stop> {
        let is: store::profile::Row = self.current(tx, id.0).await?;
        let mut fixed = self.fixed(tx, row, *is.organization_id.get().map_err(Error::from)?).await?;
        fixed.keep("product", is.product.get().map_err(Error::from)?)?;
        fixed.keep("protocol", is.protocol.get().map_err(Error::from)?)?;
        let mut missing = Missing { absent: fixed.faults, ..Missing::default() };
        let mut fields = row.changes(&["description", "buttonTemplate", "softkeyTemplate"]);
        if row.has("loginUser") {
            let user = match row.text("loginUser") {
                Some(user) => {
                    let cluster = *is.cluster_id.get().map_err(Error::from)?;
                    missing.take("loginUser", self.user(tx, cluster, user).await?).map(|user| user.0)
                }
                None => None,
            };
            fields.insert("login_user_id".to_owned(), user.into());
        }
        missing.settle(Some(()))?;
        let cmd = profile::Update {
            id,
            expected_version: None,
            fields: Patch::new(fields),
            settings: row.changed_settings(),
            apply_policy: ApplyPolicy::default(),
        };
        self.stage(tx, File::Profiles, row, &cmd, |_| Faults::new()).await.map(drop)
    }

    async fn change_line(&mut self, tx: &mut Tx, row: &Values<'_>, id: LineId) -> Result<(), Stop> {
        let is: store::line::Row = self.current(tx, id.0).await?;
        let fixed = self.fixed(tx, row, *is.organization_id.get().map_err(Error::from)?).await?;
        settle(fixed)?;
        let description = row.text("description").unwrap_or_default().to_owned();
        let cmd = line::Update {
            target: line::Target::Line(id),
            expected_version: None,
            description: row.has("description").then_some(description),
            settings: row.changed_settings(),
        };
        self.stage(tx, File::Lines, row, &cmd, |_| Faults::new()).await.map(drop)
    }

    async fn change_user(&mut self, tx: &mut Tx, row: &Values<'_>, id: UserId) -> Result<(), Stop> {
        let is: store::user::Row = self.current(tx, id.0).await?;
        let fixed = self.fixed(tx, row, *is.organization_id.get().map_err(Error::from)?).await?;
        let mut missing = Missing { absent: fixed.faults, ..Missing::default() };
        let mut fields = row.changes(&USER);
        for (column, is) in [
            ("primaryPattern", is.primary_pattern.get().map_err(Error::from)?),
            ("primaryPartition", is.primary_partition.get().map_err(Error::from)?),
        ] {
            // No partition and an empty one are the same.
            if row.has(column) && row.text(column).unwrap_or_default() != is.as_deref().unwrap_or_default() {
                fields.extend(row.changes(&[column]));
            }
        }
        let mut profile = None;
        if row.has("defaultProfile") {
            let cluster = *is.cluster_id.get().map_err(Error::from)?;
            let found = match row.text("defaultProfile") {
                Some(name) => {
                    let found = self.device(tx, cluster, name, Some(Kind::Profile)).await?;
                    missing.take("defaultProfile", found)
                }
                None => None,
            };
            profile = (found != *is.default_profile_id.get().map_err(Error::from)?).then_some(found);
        }
        missing.settle(Some(()))?;
        let fields = Patch::new(fields);
        let cmd = user::Update { id, expected_version: None, fields, phones: None, cti_profiles: None };
        let mut outcomes = vec![self.stage(tx, File::Users, row, &cmd, |_| Faults::new()).await];
        if let Some(profile) = profile {
            let cmd = user::SetDefault { user: id, expected_version: None, profile };
            outcomes.push(self.stage(tx, File::Users, row, &cmd, |_| Faults::new()).await);
        }
        together(outcomes)
    }

    /// Changes what is written at a number; its status and whom it is kept for have mutations of their own.
    async fn change_number(&mut self, tx: &mut Tx, row: &Values<'_>, id: NumberId) -> Result<(), Stop> {
        let is: store::number::Row = self.current(tx, id.0).await?;
        let mut fixed = self.fixed(tx, row, *is.organization_id.get().map_err(Error::from)?).await?;
        fixed.keep("status", is.status.get().map_err(Error::from)?)?;
        fixed.keep("utility", is.utility.get().map_err(Error::from)?)?;
        fixed.keep("reservedFor", is.reserved_for.get().map_err(Error::from)?)?;
        fixed.keep("reservedUntil", &is.reserved_until.get().map_err(Error::from)?.and_then(written))?;
        fixed.keep("coolingUntil", &is.cooling_until.get().map_err(Error::from)?.and_then(written))?;
        settle(fixed)?;
        let mut fields = row.changes(&["description", "e164Number"]);
        if row.has("extra") {
            let extra = objects::<Field>(row, "extra")?.into_iter().map(|field| (field.name, field.value));
            let extra = serde_json::to_value(Extra(extra.collect())).map_err(Error::internal)?;
            fields.insert("extra".to_owned(), extra);
        }
        let cmd = number::Update { id, expected_version: None, fields: Patch::new(fields) };
        self.stage(tx, File::Numbers, row, &cmd, |_| Faults::new()).await.map(drop)
    }

    /// Changes a phone service; its parameters have mutations of their own.
    async fn change_service(&mut self, tx: &mut Tx, row: &Values<'_>, id: ServiceId) -> Result<(), Stop> {
        let is: store::service::Row = self.current(tx, id.0).await?;
        let mut fixed = Fixed { row, faults: Faults::new() };
        fixed.keep("enterprise", is.enterprise.get().map_err(Error::from)?)?;
        if row.has("parameters") {
            let said: Vec<ParameterFields> = objects(row, "parameters")?;
            let parameters = &is.parameters.get().map_err(Error::from)?.0;
            let same = |(said, is): (&ParameterFields, &Parameter)| {
                let shown = said.display_name.as_deref().unwrap_or(&said.name);
                (&said.name, shown, &said.default, &said.description, said.required, said.password)
                    == (&is.name, &*is.display_name, &is.default, &is.description, is.required, is.password)
            };
            if said.len() != parameters.len() || !said.iter().zip(parameters).all(same) {
                let want = "no row changes them: addServiceParameter, changeServiceParameter and \
                            removeServiceParameter do; leave them as they are, or leave the column out";
                fixed.faults.push((Some("parameters"), unreadable("The parameters", want)));
            }
        }
        settle(fixed)?;
        let names = ["asciiName", "description", "url", "secureUrl", "category", "vendor", "enabled"];
        let mut fields = row.changes(&names);
        for (column, field) in [("type", "kind"), ("vendorVersion", "release")] {
            fields.extend(row.changes(&[column]).into_values().map(|value| (field.to_owned(), value)));
        }
        let cmd = service::Update { id, expected_version: None, fields: Patch::new(fields) };
        self.stage(tx, File::Services, row, &cmd, |_| Faults::new()).await.map(drop)
    }
}

fn settle(fixed: Fixed<'_>) -> Result<(), Stop> {
    if fixed.faults.is_empty() { Ok(()) } else { Err(Stop::Rules(fixed.faults)) }
}
