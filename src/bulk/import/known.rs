//! What rows name: looked up among the rows that passed or failed, then in the database.

use std::collections::hash_map::Entry;

use entity::{ClusterId, DeviceId, LineId, OrganizationId, QuickAddId, ServiceId, UserId, device::Kind};

use super::{super::unreadable, Cluster, Import, Key, Known, Miss};
use crate::{
    error::Error,
    rule::{Rule, value},
    store::{
        self, Source,
        page::{Filter, Order, Slice, by_ids, page},
        row::{Columns, all},
    },
};

impl Import<'_> {
    pub(super) async fn organization(
        &mut self,
        source: &impl Source,
        path: &str,
    ) -> Result<Result<OrganizationId, Miss>, Error> {
        let found = self.look_up(source, Key::Organization(value::key(path))).await?;
        Ok(found.ok_or_else(|| absent("organization", path)).and_then(at).map(|(id, _)| OrganizationId(id)))
    }

    pub(super) async fn device(
        &mut self,
        source: &impl Source,
        cluster: ClusterId,
        name: &str,
        kind: Option<Kind>,
    ) -> Result<Result<DeviceId, Miss>, Error> {
        let noun = match kind {
            Some(Kind::Profile) => "profile",
            Some(Kind::Phone) => "phone",
            Some(Kind::Other) | None => "device",
        };
        let found = self.look_up(source, Key::Device(cluster, value::key(name))).await?;
        Ok(found.ok_or_else(|| absent(noun, name)).and_then(at).and_then(|(id, is)| {
            if kind.is_none() || is == kind { Ok(DeviceId(id)) } else { Err(absent(noun, name)) }
        }))
    }

    pub(super) async fn service(
        &mut self,
        source: &impl Source,
        cluster: ClusterId,
        name: &str,
    ) -> Result<Result<ServiceId, Miss>, Error> {
        let found = self.look_up(source, Key::Service(cluster, value::key(name))).await?;
        Ok(found.ok_or_else(|| absent("phone service", name)).and_then(at).map(|(id, _)| ServiceId(id)))
    }

    pub(super) async fn quick_add_group(
        &mut self,
        source: &impl Source,
        organization: Option<OrganizationId>,
        name: &str,
    ) -> Result<Result<QuickAddId, Miss>, Error> {
        let found = self.look_up(source, Key::QuickAddGroup(organization, value::key(name))).await?;
        let missing = || match organization {
            Some(_) => absent("Quick Add group", name),
            None => Miss::Absent(unreadable(
                format!("'{name}'"),
                "none or several of the Quick Add groups that you see have the name; name the group's organization too",
            )),
        };
        Ok(found.ok_or_else(missing).and_then(at).map(|(id, _)| QuickAddId(id)))
    }

    pub(super) async fn user(
        &mut self,
        source: &impl Source,
        cluster: ClusterId,
        user_id: &str,
    ) -> Result<Result<UserId, Miss>, Error> {
        let found = self.look_up(source, Key::User(cluster, user_id.to_owned())).await?;
        Ok(found.ok_or_else(|| absent("user", user_id)).and_then(at).map(|(id, _)| UserId(id)))
    }

    pub(super) async fn line(
        &mut self,
        source: &impl Source,
        cluster: ClusterId,
        pattern: &str,
        partition: &str,
    ) -> Result<Result<LineId, Miss>, Error> {
        let key = Key::Line(cluster, pattern.to_owned(), partition.to_owned());
        let found = self.look_up(source, key).await?;
        let missing = || {
            let rule = if partition.is_empty() {
                format!("'{pattern}' without a partition")
            } else {
                format!("'{pattern}' in partition '{partition}'")
            };
            Miss::Absent(Rule::NotFound { noun: "line", id: rule })
        };
        Ok(found.ok_or_else(missing).and_then(at).map(|(id, _)| LineId(id)))
    }

    pub(super) async fn cluster(
        &mut self,
        source: &impl Source,
        text: &str,
    ) -> Result<Result<ClusterId, Miss>, Error> {
        let (path, name) = match text.rsplit_once('.') {
            Some((path, name)) => (Some(value::key(path)), value::key(name)),
            None => (None, value::key(text)),
        };
        if !self.clusters.contains_key(&name) {
            let named = self.clusters_named(source, &name).await?;
            self.clusters.insert(name.clone(), named);
        }
        let named = self.clusters[&name].iter();
        let mut fitting = named.filter(|(of, _)| path.as_ref().is_none_or(|path| path == of));
        Ok(match (fitting.next(), fitting.next()) {
            (None, _) => Err(absent("cluster", text)),
            (Some((_, found)), None) => found.map_err(Miss::Failed),
            (Some((of, _)), Some(_)) => Err(Miss::Absent(unreadable(
                format!("'{text}'"),
                format!("several clusters have the name; write organization.path.name, such as {of}.{name}"),
            ))),
        })
    }

    /// Every cluster of that name, with those that were refused. Cluster rows come before all that name them.
    async fn clusters_named(&self, source: &impl Source, name: &str) -> Result<Vec<Cluster>, Error> {
        let stored = self.stored_clusters(source, name).await?;
        let failed = self.known.iter().filter_map(|(key, known)| match (key, known) {
            (Key::Cluster(path, is), Known::Failed(cause)) if is == name => Some((path.clone(), Err(*cause))),
            _ => None,
        });
        Ok(stored.into_iter().map(|(path, id)| (path, Ok(id))).chain(failed).collect())
    }

    async fn stored_clusters(
        &self,
        source: &impl Source,
        name: &str,
    ) -> Result<Vec<(String, ClusterId)>, Error> {
        let filter = Filter::Is("t.name_key", name.to_owned());
        let order = store::cluster::BY_NAME;
        let rows: Vec<store::cluster::Row> = self.first(source, &filter, order, 1_000).await?;
        let ids =
            rows.iter().map(|row| Ok(row.organization_id.get()?.0)).collect::<Result<Vec<_>, Error>>()?;
        let columns = Columns::own(all::<store::organization::Row>());
        let paths = by_ids::<store::organization::Row>(source, self.caller.scope, &ids, columns).await?;
        let mut stored = Vec::new();
        for (row, organization) in rows.iter().zip(ids) {
            // A cluster above the caller's subtree is known by its name alone.
            let path = match paths.get(&organization) {
                Some(organization) => organization.path_key.get()?.clone(),
                None => String::new(),
            };
            stored.push((path, *row.id.get()?));
        }
        Ok(stored)
    }

    async fn look_up(&mut self, source: &impl Source, key: Key) -> Result<Option<Known>, Error> {
        if let Some(known) = self.known.get(&key) {
            return Ok(Some(*known));
        }
        let found = self.find(source, &key).await?;
        if let (Some(found), Entry::Vacant(place)) = (found, self.known.entry(key)) {
            place.insert(found);
        }
        Ok(found)
    }

    /// What the database holds under a key, as far as the caller sees it.
    pub(super) async fn find(&self, source: &impl Source, key: &Key) -> Result<Option<Known>, Error> {
        let on = |cluster: &ClusterId| Filter::Numbers("t.cluster_id", vec![cluster.0]);
        Ok(match key {
            Key::Organization(path) => {
                let found = store::organization::by_path(source, self.caller.scope, path).await?;
                found.map(|id| Known::There(id.0, None))
            }
            Key::Device(cluster, name) => {
                let filter = Filter::All(vec![on(cluster), Filter::Is("t.name_key", name.clone())]);
                let found: Vec<store::device::Row> =
                    self.first(source, &filter, store::device::BY_NAME, 1).await?;
                match found.first() {
                    Some(row) => Some(Known::There(row.id.get()?.0, Some(*row.kind.get()?))),
                    None => None,
                }
            }
            Key::QuickAddGroup(organization, name) => {
                let at = organization.map(|at| Filter::Numbers("t.organization_id", vec![at.0]));
                let named = Filter::Is("t.name_key", name.clone());
                let filter = Filter::All([named].into_iter().chain(at).collect());
                let found: Vec<store::quick_add::Row> =
                    self.first(source, &filter, store::quick_add::BY_NAME, 2).await?;
                match &found[..] {
                    [row] => Some(Known::There(row.id.get()?.0, None)),
                    _ => None,
                }
            }
            Key::Service(cluster, name) => {
                let filter = Filter::All(vec![on(cluster), Filter::Is("t.name_key", name.clone())]);
                let found: Vec<store::service::Row> =
                    self.first(source, &filter, store::service::BY_NAME, 1).await?;
                match found.first() {
                    Some(row) => Some(Known::There(row.id.get()?.0, None)),
                    None => None,
                }
            }
            Key::User(cluster, user_id) => {
                let filter = Filter::All(vec![on(cluster), Filter::Is("t.user_id", user_id.clone())]);
                let found: Vec<store::user::Row> =
                    self.first(source, &filter, store::user::BY_USER_ID, 1).await?;
                match found.first() {
                    Some(row) => Some(Known::There(row.id.get()?.0, None)),
                    None => None,
                }
            }
            Key::Line(cluster, pattern, partition) => {
                let filter = Filter::All(vec![
                    on(cluster),
                    Filter::Is("t.pattern", pattern.clone()),
                    Filter::Is("t.partition", partition.clone()),
                ]);
                let found: Vec<store::line::Row> =
                    self.first(source, &filter, store::line::BY_PATTERN, 1).await?;
                match found.first() {
                    Some(row) => Some(Known::There(row.id.get()?.0, None)),
                    None => None,
                }
            }
            Key::Cluster(path, name) => {
                let mut stored = self.stored_clusters(source, name).await?.into_iter();
                stored.find(|(of, _)| of == path).map(|(_, id)| Known::There(id.0, None))
            }
            Key::Original(line) => {
                let filter = Filter::All(vec![
                    Filter::Numbers("t.line_id", vec![line.0]),
                    Filter::Is("t.role", "ORIGINAL".to_owned()),
                ]);
                let order = store::line::OF_LINE.order;
                let found: Vec<store::line::AppearanceRow> = self.first(source, &filter, order, 1).await?;
                found.first().map(|_| Known::There(line.0, None))
            }
            Key::AppearancesOf(_) | Key::UsersOf(_) | Key::DevicesOf(_) => None,
        })
    }

    async fn first<R: store::row::Row>(
        &self,
        source: &impl Source,
        filter: &Filter,
        order: Order,
        limit: u32,
    ) -> Result<Vec<R>, Error> {
        let slice = Slice::front(limit);
        let columns = Columns::own(all::<R>());
        let page = page::<R>(source, self.caller.scope, filter, order, &slice, columns).await?;
        Ok(page.rows.into_iter().map(|(row, _)| row).collect())
    }
}

fn at(known: Known) -> Result<(i64, Option<Kind>), Miss> {
    match known {
        Known::There(id, kind) => Ok((id, kind)),
        Known::Failed(cause) => Err(Miss::Failed(cause)),
    }
}

fn absent(noun: &'static str, name: &str) -> Miss {
    Miss::Absent(Rule::NotFound { noun, id: format!("'{name}'") })
}
