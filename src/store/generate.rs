//! Writes a generated estate straight into empty tables: many rows a statement, in one transaction.
//!
//! It stands beside the one write path on purpose: the rows are made here and keep every rule by construction
//! (a test says so), and half a million changes would be read by nobody. One change tells of all of it.

use entity::{
    AppearanceId, ClusterId, DeviceId, LineId, OrganizationId, UserId, cluster, device, line,
    line_appearance, organization, phone, profile, profile_user, user, user_phone,
};
use sea_orm::{ActiveModelTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait};

use super::{Tx, apply, row::Row as _};
use crate::rule::{Change, product, value};

/// How large an estate, and which.
#[derive(Clone, Copy, Debug)]
pub struct Estate {
    pub profiles: u32,
    pub seed: u64,
}

/// Profiles of one site.
const SITE: i64 = 500;
/// Sites of one customer.
const CUSTOMER: i64 = 10;
/// Parameters of one insert; below SQLite's limit of 32,766 and PostgreSQL's of 65,535.
const PARAMETERS: usize = 30_000;

const FIRST: [&str; 16] = [
    "Anna", "Ben", "Carla", "David", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kim", "Lena",
    "Mehmet", "Nora", "Oskar", "Paula",
];
const LAST: [&str; 16] = [
    "Berg", "Costa", "Diaz", "Ekström", "Fischer", "Garcia", "Haddad", "Ivanov", "Jansen", "Kowalski",
    "Lopez", "Meyer", "Novak", "Olsen", "Petit", "Rossi",
];
const PRODUCTS: [&str; 4] = ["Cisco 8841", "Cisco 8851", "Cisco 7841", "Cisco 8865"];

/// How many ids an estate takes.
pub fn ids(estate: Estate) -> i64 {
    i64::from(estate.profiles) * 8 + 10_000
}

/// Fills empty tables; tells what was made. The same size and seed give the same estate.
pub async fn generate(tx: &Tx, estate: Estate, mut progress: impl FnMut(u64)) -> Result<Change, DbErr> {
    if organization::Entity::find().count(&tx.db).await? > 0 {
        return Err(DbErr::Custom("the database is not empty; generate fills an empty one".to_owned()));
    }
    let mut making = Making::new(tx, estate.seed);
    making.top().await?;
    for n in 0..i64::from(estate.profiles) {
        making.profile(n).await?;
        if n % 1_000 == 999 {
            progress(1_000);
        }
    }
    making.flush(true).await?;
    Ok(Change::EstateGenerated {
        profiles: making.counts.0,
        phones: making.counts.1,
        lines: making.counts.2,
        users: making.counts.3,
        seed: i64::from_ne_bytes(estate.seed.to_ne_bytes()),
    })
}

struct Making<'a> {
    tx: &'a Tx,
    random: u64,
    provider: OrganizationId,
    customer: OrganizationId,
    site: OrganizationId,
    site_path: String,
    clusters: Vec<ClusterId>,
    devices: Vec<device::ActiveModel>,
    profiles: Vec<profile::ActiveModel>,
    phones: Vec<phone::ActiveModel>,
    lines: Vec<line::ActiveModel>,
    appearances: Vec<line_appearance::ActiveModel>,
    users: Vec<user::ActiveModel>,
    associations: Vec<profile_user::ActiveModel>,
    controlled: Vec<user_phone::ActiveModel>,
    /// A line of the site that others share, with its original's settings.
    shared: Option<LineId>,
    counts: (i64, i64, i64, i64),
}

impl<'a> Making<'a> {
    fn new(tx: &'a Tx, seed: u64) -> Self {
        Self {
            tx,
            random: seed ^ 0x9E37_79B9_7F4A_7C15,
            provider: OrganizationId(0),
            customer: OrganizationId(0),
            site: OrganizationId(0),
            site_path: String::new(),
            clusters: Vec::new(),
            devices: Vec::new(),
            profiles: Vec::new(),
            phones: Vec::new(),
            lines: Vec::new(),
            appearances: Vec::new(),
            users: Vec::new(),
            associations: Vec::new(),
            controlled: Vec::new(),
            shared: None,
            counts: (0, 0, 0, 0),
        }
    }

    /// A number below `most`, by xorshift: the same for the same seed, everywhere.
    fn random(&mut self, most: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random >> 33).unwrap_or(0) % most.max(1)
    }

    async fn top(&mut self) -> Result<(), DbErr> {
        self.provider =
            self.organization(None, organization::Kind::Provider, "generated", "generated").await?;
        for name in ["emea", "amer"] {
            let id = ClusterId(self.tx.id()?);
            let cluster = cluster::Model {
                id,
                organization_id: self.provider,
                name: name.to_owned(),
                name_key: name.to_owned(),
                description: "Generated".to_owned(),
                release: Some("14.0".to_owned()),
                multiple_login: cluster::MultipleLogin::NotAllowed,
                max_login_minutes: Some(600),
                max_concurrent_logins: None,
                version: 1,
                created_at: self.tx.now(),
                updated_at: self.tx.now(),
            };
            apply::apply(self.tx, &[Change::ClusterCreated { cluster }]).await?;
            self.clusters.push(id);
        }
        Ok(())
    }

    async fn organization(
        &self,
        parent: Option<OrganizationId>,
        kind: organization::Kind,
        name: &str,
        path: &str,
    ) -> Result<OrganizationId, DbErr> {
        let id = OrganizationId(self.tx.id()?);
        let organization = organization::Model {
            id,
            parent_id: parent,
            kind,
            name: name.to_owned(),
            path: path.to_owned(),
            path_key: value::key(path),
            cooling_days: None,
            max_profiles_per_user: None,
            number_management: None,
            unique_numbers: None,
            line_delete_preferences: None,
            version: 1,
            created_at: self.tx.now(),
            updated_at: self.tx.now(),
        };
        apply::apply(self.tx, &[Change::OrganizationCreated { organization }]).await?;
        Ok(id)
    }

    /// A profile with three lines, one of them the site's shared one, its user, and for every fifth a phone.
    async fn profile(&mut self, n: i64) -> Result<(), DbErr> {
        let now = self.tx.now();
        if n % (SITE * CUSTOMER) == 0 {
            let name = format!("customer{:03}", n / (SITE * CUSTOMER) + 1);
            let path = format!("generated.{name}");
            self.customer =
                self.organization(Some(self.provider), organization::Kind::Customer, &name, &path).await?;
            self.site_path = path;
        }
        if n % SITE == 0 {
            let name = format!("site{:04}", n / SITE + 1);
            let customer = self.site_path.rsplitn(2, ".site").last().unwrap_or_default().to_owned();
            self.site_path = format!("{customer}.{name}");
            self.site = self
                .organization(Some(self.customer), organization::Kind::Site, &name, &self.site_path.clone())
                .await?;
            self.shared = None;
        }
        let cluster = self.clusters[usize::from(n / (SITE * CUSTOMER) % 2 == 1)];
        let product_name = PRODUCTS[self.random(PRODUCTS.len())];
        let (first, last) = (FIRST[self.random(FIRST.len())], LAST[self.random(LAST.len())]);
        let stock = product::find(product_name).and_then(|product| product.with(profile::Protocol::Sip));
        let user_id = UserId(self.tx.id()?);
        let id = DeviceId(self.tx.id()?);
        let name = format!("EM_user{n:07}");
        let model = profile::Model {
            id,
            cluster_id: cluster,
            organization_id: self.site,
            name_key: value::key(&name),
            name,
            description: format!("{first} {last}"),
            product: product_name.to_owned(),
            protocol: profile::Protocol::Sip,
            button_template: stock.map_or_else(String::new, |stock| stock.button_template.clone()),
            softkey_template: stock.and_then(|stock| stock.softkey_template.clone()),
            login_user_id: None,
            settings: profile::Settings::default(),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        self.devices.push(apply::device_of_profile(&model).into_active_model());
        self.profiles.push(model.into_active_model());
        self.users.push(
            user::Model {
                id: user_id,
                cluster_id: cluster,
                organization_id: self.site,
                user_id: format!("user{n:07}"),
                first_name: first.to_owned(),
                last_name: last.to_owned(),
                name_key: value::key(&format!("{last} {first}")),
                display_name: None,
                email: Some(format!("user{n:07}@example.com")),
                department: None,
                user_locale: None,
                max_login_minutes: None,
                cross_cluster: false,
                home_cluster: true,
                primary_pattern: None,
                primary_partition: None,
                default_profile_id: Some(id),
                version: 1,
                created_at: now,
                updated_at: now,
            }
            .into_active_model(),
        );
        self.associations
            .push(profile_user::Model { profile_id: id, user_id, position: 1 }.into_active_model());

        let own = self.line(cluster, &format!("1{n:07}"))?;
        self.appear(own, id, 1, line_appearance::Role::Original)?;
        let second = self.line(cluster, &format!("2{n:07}"))?;
        self.appear(second, id, 2, line_appearance::Role::Original)?;
        // The first profile of a run of ten brings a line that the others of the run clone.
        match self.shared.filter(|_| n % 10 != 0) {
            Some(shared) => self.appear(shared, id, 3, line_appearance::Role::Clone)?,
            None => {
                self.shared = Some(second);
            }
        }
        if n % 5 == 0 {
            self.phone(n, cluster, user_id, own)?;
        }
        self.counts.0 += 1;
        self.counts.3 += 1;
        self.flush(false).await
    }

    fn phone(&mut self, n: i64, cluster: ClusterId, user: UserId, line: LineId) -> Result<(), DbErr> {
        let id = DeviceId(self.tx.id()?);
        let name = format!("SEP{n:012X}");
        let model = phone::Model {
            id,
            cluster_id: cluster,
            organization_id: self.site,
            name_key: value::key(&name),
            name,
            description: String::new(),
            product: "Cisco 8841".to_owned(),
            protocol: profile::Protocol::Sip,
            button_template: "Standard 8841 SIP".to_owned(),
            softkey_template: Some("Standard User".to_owned()),
            extension_mobility: true,
            logout_profile_id: None,
            owner_id: Some(user),
            version: 1,
            created_at: self.tx.now(),
            updated_at: self.tx.now(),
        };
        self.devices.push(apply::device_of_phone(&model).into_active_model());
        self.phones.push(model.into_active_model());
        self.controlled.push(user_phone::Model { user_id: user, phone_id: id }.into_active_model());
        self.counts.1 += 1;
        self.appear(line, id, 1, line_appearance::Role::Clone)
    }

    fn line(&mut self, cluster: ClusterId, pattern: &str) -> Result<LineId, DbErr> {
        let id = LineId(self.tx.id()?);
        self.lines.push(
            line::Model {
                id,
                cluster_id: cluster,
                organization_id: self.site,
                pattern: pattern.to_owned(),
                partition: "internal".to_owned(),
                description: String::new(),
                settings: line::Settings::default(),
                version: 1,
                created_at: self.tx.now(),
                updated_at: self.tx.now(),
            }
            .into_active_model(),
        );
        self.counts.2 += 1;
        Ok(id)
    }

    fn appear(
        &mut self,
        line: LineId,
        device: DeviceId,
        position: i32,
        role: line_appearance::Role,
    ) -> Result<(), DbErr> {
        self.appearances.push(
            line_appearance::Model {
                id: AppearanceId(self.tx.id()?),
                line_id: line,
                device_id: device,
                position,
                role,
                label: None,
                settings: line_appearance::Settings::default(),
                created_at: self.tx.now(),
            }
            .into_active_model(),
        );
        Ok(())
    }

    /// Writes what has gathered, parents first; every table at once, so that no child comes before its parent.
    async fn flush(&mut self, all: bool) -> Result<(), DbErr> {
        if !all && self.profiles.len() < 2_000 {
            return Ok(());
        }
        let tx = self.tx;
        write(tx, std::mem::take(&mut self.devices), super::device::Row::FIELDS.len()).await?;
        write(tx, std::mem::take(&mut self.profiles), super::profile::Row::FIELDS.len()).await?;
        write(tx, std::mem::take(&mut self.users), super::user::Row::FIELDS.len()).await?;
        write(tx, std::mem::take(&mut self.phones), super::phone::Row::FIELDS.len()).await?;
        write(tx, std::mem::take(&mut self.lines), super::line::Row::FIELDS.len()).await?;
        write(tx, std::mem::take(&mut self.appearances), super::line::AppearanceRow::FIELDS.len()).await?;
        write(tx, std::mem::take(&mut self.associations), 3).await?;
        write(tx, std::mem::take(&mut self.controlled), 2).await
    }
}

async fn write<A: ActiveModelTrait>(tx: &Tx, rows: Vec<A>, columns: usize) -> Result<(), DbErr> {
    let mut rows = rows.into_iter();
    loop {
        let chunk: Vec<_> = rows.by_ref().take(PARAMETERS / columns).collect();
        if chunk.is_empty() {
            return Ok(());
        }
        A::Entity::insert_many(chunk).exec_without_returning(&tx.db).await?;
    }
}
