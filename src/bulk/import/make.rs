//! What a row becomes: the command that a caller of the API would give.

use entity::{
    ClusterId, Moment, OrganizationId, ServiceId, UserId,
    device::Kind,
    line_appearance::Role,
    number::Extra,
    organization::{LinePreferences, LineTemplate},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    super::{
        column::{AddedService, Empty, Field, File, GroupService, ParameterValue},
        names::snake,
        read::{Faults, Values},
        unreadable,
    },
    Import, Key, Known, Made, Miss, Missing, Part, Stop, together,
};
use crate::{
    command::{self, Command},
    error::Error,
    rule::{
        Broken, Change, Patch, Rule, RuleCode, button, cluster, default_device_profile, device, line, number,
        organization, phone, profile, quick_add, service,
        service_subscription::{Given, NewSubscription, Place, Subscribe},
        session, template, user, value,
    },
    store::{self, Tx},
};

/// Columns of users that are fields of theirs under the same name.
pub(super) const USER: [&str; 9] = [
    "firstName",
    "lastName",
    "displayName",
    "email",
    "department",
    "userLocale",
    "maxLoginMinutes",
    "crossCluster",
    "homeCluster",
];

impl Import<'_> {
    pub(super) async fn attempt(
        &mut self,
        tx: &mut Tx,
        file: File,
        row: &Values<'_>,
        part: Part,
    ) -> Result<Made, Stop> {
        if part == Part::Own {
            return self.own(tx, row).await;
        }
        match file {
            File::Organizations => self.make_organization(tx, row).await,
            File::Clusters => self.make_cluster(tx, row).await,
            File::Devices => self.make_device(tx, row).await,
            File::Users => self.make_user(tx, row).await,
            File::Profiles => self.make_profile(tx, row).await,
            File::ProfileUsers => self.associate(tx, row).await,
            File::Phones => self.make_phone(tx, row).await,
            File::Lines => self.make_line(tx, row).await,
            File::Appearances => self.place_line(tx, row).await,
            File::Numbers => self.make_number(tx, row).await,
            File::UserPhones | File::UserCtiProfiles => self.control(tx, file, row).await,
            File::Buttons => self.place_button(tx, row).await,
            File::Templates => self.make_template(tx, row).await,
            File::DefaultDeviceProfiles => self.make_default_device_profile(tx, row).await,
            File::Sessions => self.log_in(tx, row).await,
            File::Services => self.make_service(tx, row).await,
            File::ServiceSubscriptions => self.subscribe(tx, row).await,
            File::QuickAddGroups => self.make_quick_add_group(tx, row).await,
            File::QuickAdds => self.quick_add(tx, row).await,
        }
    }

    async fn make_organization(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let path = row.must("path");
        let (parent, name) = match path.rsplit_once('.') {
            Some((parent, name)) => (Some(parent), name),
            None => (None, path),
        };
        let mut missing = Missing::default();
        let parent = match parent {
            Some(parent) => missing.take("path", self.organization(tx, parent).await?).map(Some),
            None => Some(None),
        };
        let parent = missing.settle(parent)?;
        let kind = row.word("kind").ok_or_else(unread)?;
        let cmd = organization::Create {
            parent,
            kind,
            name: name.to_owned(),
            cooling_days: row.number("coolingDays"),
            max_profiles_per_user: row.number("maxProfilesPerUser"),
            number_management: row.word("numberManagement"),
            unique_numbers: row.word("uniqueNumbers"),
            line_delete_preferences: left_lines(row),
            groups: Vec::new(),
        };
        let id = self.stage(tx, File::Organizations, row, &cmd, |_| Faults::new()).await?;
        Ok(there(Key::Organization(value::key(path)), id, None))
    }

    async fn make_cluster(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let organization =
            missing.take("organization", self.organization(tx, row.must("organization")).await?);
        let organization = missing.settle(organization)?;
        let names =
            ["name", "description", "release", "multipleLogin", "maxLoginMinutes", "maxConcurrentLogins"];
        let cmd = cluster::Create { organization, fields: Patch::new(row.fields(&names)) };
        let id = self.stage(tx, File::Clusters, row, &cmd, |_| Faults::new()).await?;
        let key = Key::Cluster(value::key(row.must("organization")), value::key(row.must("name")));
        Ok(there(key, id, None))
    }

    async fn make_device(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let place = self.place(tx, &mut missing, row).await?;
        let (cluster, organization) = missing.settle(place)?;
        let name = row.must("name").to_owned();
        let description = row.text("description").unwrap_or_default().to_owned();
        let key = Key::Device(cluster, value::key(&name));
        let cmd = device::Register { organization, cluster, name, description };
        let id = self.stage(tx, File::Devices, row, &cmd, |_| Faults::new()).await?;
        Ok(there(key, id, Some(Kind::Other)))
    }

    async fn make_user(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let place = self.place(tx, &mut missing, row).await?;
        let (cluster, organization) = missing.settle(place)?;
        let cmd = user::Create {
            organization,
            cluster,
            user_id: row.must("userId").to_owned(),
            fields: Patch::new(row.fields(&USER)),
            phones: Vec::new(),
            cti_profiles: Vec::new(),
            profiles: Vec::new(),
            new_profiles: Vec::new(),
            default_profile: None,
        };
        let id = self.stage(tx, File::Users, row, &cmd, |_| Faults::new()).await?;
        Ok(there(Key::User(cluster, cmd.user_id), id, None))
    }

    /// The part of a user that names lines and profiles.
    async fn own(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let Some(cluster) = missing.take("cluster", self.cluster(tx, row.must("cluster")).await?) else {
            return missing.settle(None);
        };
        let id = missing.take("userId", self.user(tx, cluster, row.must("userId")).await?);
        let profile = match row.text("defaultProfile") {
            Some(name) => {
                missing.take("defaultProfile", self.device(tx, cluster, name, Some(Kind::Profile)).await?)
            }
            None => None,
        };
        let partition = row.text("primaryPartition");
        let pattern = row.text("primaryPattern");
        let line = match pattern {
            Some(pattern) => {
                let line = self.line(tx, cluster, pattern, partition.unwrap_or_default()).await?;
                missing.take("primaryPattern", line)
            }
            None => None,
        };
        if partition.is_some() && pattern.is_none() {
            let rule = Rule::ValueRequired { what: "The primary pattern".to_owned() };
            missing.absent.push((Some("primaryPattern"), rule));
        }
        let id = missing.settle(id)?;

        // What is not the user's because a row that would have made it so was refused is told there.
        let failed = [Key::DevicesOf(id)].into_iter().chain(line.map(Key::AppearancesOf));
        let cause = failed.into_iter().find_map(|key| match self.known.get(&key) {
            Some(Known::Failed(cause)) => Some(*cause),
            _ => None,
        });
        let mut outcomes = Vec::new();
        if pattern.is_some() {
            let mut fields = row.fields(&["primaryPattern"]);
            fields.insert("primary_partition".to_owned(), partition.map_or(Value::Null, Value::from));
            let fields = Patch::new(fields);
            let cmd = user::Update { id, expected_version: None, fields, phones: None, cti_profiles: None };
            outcomes.push(self.stage(tx, File::Users, row, &cmd, |_| Faults::new()).await);
        }
        if profile.is_some() {
            let cmd = user::SetDefault { user: id, expected_version: None, profile };
            outcomes.push(self.stage(tx, File::Users, row, &cmd, |_| Faults::new()).await);
        }
        let follows = |rule: &Rule| {
            matches!(rule.code(), RuleCode::PrimaryExtensionNotOwn | RuleCode::DefaultProfileNotAssociated)
        };
        match (together(outcomes), cause) {
            (Err(Stop::Rules(faults)), Some(cause)) if faults.iter().all(|(_, rule)| follows(rule)) => {
                Err(Stop::Because(cause))
            }
            (outcome, _) => outcome.map(|()| None),
        }
    }

    async fn make_profile(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let place = self.place(tx, &mut missing, row).await?;
        let mut fields = device_fields(row, &[]);
        self.name_user(tx, &mut missing, place, row, "loginUser", &mut fields).await?;
        let (cluster, organization) = missing.settle(place)?;
        let cmd = profile::Create {
            organization,
            cluster,
            name: row.must("name").to_owned(),
            product: row.must("product").to_owned(),
            protocol: row.word("protocol").ok_or_else(unread)?,
            fields: Patch::new(fields),
            settings: row.settings(),
            lines: Vec::new(),
            users: Vec::new(),
            buttons: Vec::new(),
            services: Vec::new(),
        };
        let id = self.stage(tx, File::Profiles, row, &cmd, |_| Faults::new()).await?;
        Ok(there(Key::Device(cluster, value::key(&cmd.name)), id, Some(Kind::Profile)))
    }

    async fn make_phone(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let place = self.place(tx, &mut missing, row).await?;
        let mut fields = device_fields(row, &["extensionMobility"]);
        self.name_user(tx, &mut missing, place, row, "owner", &mut fields).await?;
        if let (Some((cluster, _)), Some(name)) = (place, row.text("logoutProfile")) {
            let found = self.device(tx, cluster, name, Some(Kind::Profile)).await?;
            if let Some(profile) = missing.take("logoutProfile", found) {
                fields.insert("logout_profile_id".to_owned(), profile.0.into());
            }
        }
        let (cluster, organization) = missing.settle(place)?;
        let cmd = phone::Create {
            organization,
            cluster,
            name: row.must("name").to_owned(),
            product: row.must("product").to_owned(),
            protocol: row.word("protocol").ok_or_else(unread)?,
            fields: Patch::new(fields),
        };
        let id = self.stage(tx, File::Phones, row, &cmd, |_| Faults::new()).await?;
        Ok(there(Key::Device(cluster, value::key(&cmd.name)), id, Some(Kind::Phone)))
    }

    async fn make_line(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let place = self.place(tx, &mut missing, row).await?;
        let (cluster, organization) = missing.settle(place)?;
        let cmd = line::Create {
            organization,
            cluster,
            pattern: row.must("pattern").to_owned(),
            partition: row.text("partition").unwrap_or_default().to_owned(),
            description: row.text("description").unwrap_or_default().to_owned(),
            settings: row.settings(),
        };
        let id = self.stage(tx, File::Lines, row, &cmd, |_| Faults::new()).await?;
        Ok(there(Key::Line(cluster, cmd.pattern, cmd.partition), id, None))
    }

    async fn make_number(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let place = self.place(tx, &mut missing, row).await?;
        let mut moment = |column: &'static str| {
            let read = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok();
            let text = row.text(column)?;
            let time = read(text).map(|time| Moment(time.timestamp_micros()));
            if time.is_none() {
                let rule = unreadable(format!("'{text}'"), "a moment is written as 2026-12-31T00:00:00Z");
                missing.absent.push((Some(column), rule));
            }
            time
        };
        let (reserved_until, cooling_until) = (moment("reservedUntil"), moment("coolingUntil"));
        let (cluster, organization) = missing.settle(place)?;
        let pattern = row.must("pattern").to_owned();
        let extra = row.fields(&["extra"]).remove("extra").unwrap_or_else(|| Value::Array(Vec::new()));
        let extra: Vec<Field> = serde_json::from_value(extra).map_err(Error::internal)?;
        let cmd = number::Create {
            organization,
            range: number::Range {
                cluster,
                partition: row.text("partition").unwrap_or_default().to_owned(),
                first: pattern.clone(),
                last: pattern.clone(),
            },
            fields: number::Fields {
                description: row.text("description").unwrap_or_default().to_owned(),
                e164_number: row.text("e164Number").map(str::to_owned),
                extra: Extra(extra.into_iter().map(|field| (field.name, field.value)).collect()),
            },
            e164_prefix: None,
            beginning: number::Beginning {
                status: row.word("status"),
                utility: row.word("utility"),
                cooling_until,
                reserved_for: row.text("reservedFor").map(str::to_owned),
                reserved_until,
            },
            one: false,
        };
        // A range leaves alone what is there; a row is to make it.
        let as_said = |changes: &[Change]| {
            if changes.is_empty() {
                vec![(Some("pattern"), Rule::NumberTaken { pattern })]
            } else {
                Faults::new()
            }
        };
        // What does not stand because a row that would have put it there was refused is told there.
        let line = self.line(tx, cluster, &cmd.range.first, &cmd.range.partition).await?;
        let cause = match line {
            Err(Miss::Failed(cause)) => Some(cause),
            Ok(line) => match self.known.get(&Key::AppearancesOf(line)) {
                Some(Known::Failed(cause)) => Some(*cause),
                _ => None,
            },
            Err(Miss::Absent(_)) => None,
        };
        let follows = |rule: &Rule| rule.code() == RuleCode::NumberStatusIllegal;
        match (self.stage(tx, File::Numbers, row, &cmd, as_said).await, cause) {
            (Err(Stop::Rules(faults)), Some(cause)) if faults.iter().all(|(_, rule)| follows(rule)) => {
                Err(Stop::Because(cause))
            }
            (done, _) => done.map(|_| None),
        }
    }

    async fn place_line(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let Some(cluster) = missing.take("cluster", self.cluster(tx, row.must("cluster")).await?) else {
            return missing.settle(None);
        };
        let device = missing.take("device", self.device(tx, cluster, row.must("device"), None).await?);
        let partition = row.text("partition").unwrap_or_default();
        let line = missing.take("pattern", self.line(tx, cluster, row.must("pattern"), partition).await?);
        let role = row.word::<Role>("role");
        if let (Some(line), Some(Role::Clone)) = (line, role)
            && let Some(Known::Failed(cause)) = self.known.get(&Key::Original(line))
        {
            missing.because = Some(*cause);
        }
        let (device, line) = missing.settle(device.zip(line))?;
        let new = line::NewLine {
            line: line::Reference::Line(line),
            index: row.number("index"),
            label: row.text("label").map(str::to_owned),
            description: None,
            settings: row.settings(),
            line_settings: Patch::default(),
            inventory: None,
        };
        let cmd = line::Add { device, expected_version: None, line: new };
        let as_said = |changes: &[Change]| {
            let became = changes.iter().find_map(|change| match change {
                Change::AppearanceAdded { appearance, .. } => Some(appearance.role),
                _ => None,
            });
            let want = match (role, became) {
                (Some(Role::Original), Some(Role::Clone)) => "the line has its original already",
                (Some(Role::Clone), Some(Role::Original)) => {
                    "the line stands on no device yet; one of its appearances is the ORIGINAL"
                }
                _ => return Faults::new(),
            };
            vec![(Some("role"), unreadable("The role", want))]
        };
        self.stage(tx, File::Appearances, row, &cmd, as_said).await?;
        Ok((role == Some(Role::Original)).then_some((Key::Original(line), Known::There(line.0, None))))
    }

    async fn place_button(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let Some(cluster) = missing.take("cluster", self.cluster(tx, row.must("cluster")).await?) else {
            return missing.settle(None);
        };
        let device = missing.take("device", self.device(tx, cluster, row.must("device"), None).await?);
        let device = missing.settle(device)?;
        let names = ["label", "number", "destination", "pattern", "partition", "pickup", "service", "url"];
        let fields = Patch::<button::Fields>::new(row.fields(&names)).apply(&button::Fields::default());
        let new = button::NewButton {
            kind: row.word("kind").ok_or_else(unread)?,
            index: row.number("index"),
            fields: fields.map_err(|want| Stop::Rules(vec![(None, unreadable("The row", want))]))?,
        };
        let cmd = button::Add { device, expected_version: None, button: new };
        self.stage(tx, File::Buttons, row, &cmd, |_| Faults::new()).await?;
        Ok(None)
    }

    async fn make_template(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let cluster = missing.take("cluster", self.cluster(tx, row.must("cluster")).await?);
        let cluster = missing.settle(cluster)?;
        let cmd = template::Create {
            cluster,
            kind: row.word("kind").ok_or_else(unread)?,
            name: row.must("name").to_owned(),
            product: row.text("product").map(str::to_owned),
            protocol: row.word("protocol"),
            fields: Patch::new(row.fields(&["description", "features"])),
        };
        self.stage(tx, File::Templates, row, &cmd, |_| Faults::new()).await?;
        Ok(None)
    }

    async fn make_default_device_profile(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let cluster = missing.take("cluster", self.cluster(tx, row.must("cluster")).await?);
        let cluster = missing.settle(cluster)?;
        let cmd = default_device_profile::Create {
            cluster,
            product: row.must("product").to_owned(),
            protocol: row.word("protocol").ok_or_else(unread)?,
            fields: Patch::new(device_fields(row, &[])),
            settings: row.settings(),
        };
        self.stage(tx, File::DefaultDeviceProfiles, row, &cmd, |_| Faults::new()).await?;
        Ok(None)
    }

    async fn log_in(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let Some(cluster) = missing.take("cluster", self.cluster(tx, row.must("cluster")).await?) else {
            return missing.settle(None);
        };
        let phone = self.device(tx, cluster, row.must("phone"), Some(Kind::Phone)).await?;
        let phone = missing.take("phone", phone);
        let user = missing.take("user", self.user(tx, cluster, row.must("user")).await?);
        let profile = match row.text("profile") {
            Some(name) => {
                let found = self.device(tx, cluster, name, Some(Kind::Profile)).await?;
                missing.take("profile", found).map(Some)
            }
            None => Some(None),
        };
        let who = phone.zip(user).zip(profile);
        let ((phone, user), profile) = missing.settle(who)?;
        // What is left of a session was allowed when it began.
        let left = row.number("minutes").map(|minutes| tx.now().plus_minutes(minutes.into()));
        let cmd = session::Login {
            phone,
            user: Some(user),
            profile,
            lasting: left.map(session::Lasting::Until),
            if_occupied: session::IfOccupied::Fail,
        };
        self.stage(tx, File::Sessions, row, &cmd, |_| Faults::new()).await?;
        Ok(None)
    }

    async fn make_service(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let cluster = missing.take("cluster", self.cluster(tx, row.must("cluster")).await?);
        let cluster = missing.settle(cluster)?;
        let names = ["name", "asciiName", "description", "url", "secureUrl", "category", "vendor", "enabled"];
        let mut fields = row.fields(&names);
        for (column, field) in [("type", "kind"), ("vendorVersion", "release")] {
            fields.extend(row.fields(&[column]).into_values().map(|value| (field.to_owned(), value)));
        }
        let cmd = service::Create {
            cluster,
            enterprise: row.word("enterprise").unwrap_or(false),
            fields: Patch::new(fields),
            parameters: objects(row, "parameters")?,
        };
        let id = self.stage(tx, File::Services, row, &cmd, |_| Faults::new()).await?;
        Ok(there(Key::Service(cluster, value::key(row.must("name"))), id, None))
    }

    async fn subscribe(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let Some(cluster) = missing.take("cluster", self.cluster(tx, row.must("cluster")).await?) else {
            return missing.settle(None);
        };
        let device = missing.take("device", self.device(tx, cluster, row.must("device"), None).await?);
        let service = missing.take("service", self.service(tx, cluster, row.must("service")).await?);
        let (device, service) = missing.settle(device.zip(service))?;
        let values: Vec<ParameterValue> = objects(row, "values")?;
        let given = |value: ParameterValue| Given { name: value.name, value: Some(value.value) };
        let index = row.number("index");
        let label = row.text("label").map(str::to_owned);
        let subscription = NewSubscription {
            service,
            name: row.text("name").map(str::to_owned),
            values: values.into_iter().map(given).collect(),
            url: row.text("url").map(str::to_owned),
            button: index.map(|index| Place { index: Some(index), label }),
        };
        let cmd = Subscribe { device, expected_version: None, subscription };
        self.stage(tx, File::ServiceSubscriptions, row, &cmd, |_| Faults::new()).await?;
        Ok(None)
    }

    async fn make_quick_add_group(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let organization =
            missing.take("organization", self.organization(tx, row.must("organization")).await?);
        let cluster = match row.text("cluster") {
            Some(cluster) => missing.take("cluster", self.cluster(tx, cluster).await?),
            None => None,
        };
        let names = [
            "name",
            "description",
            "product",
            "protocol",
            "buttonTemplate",
            "softkeyTemplate",
            "namePattern",
            "descriptionPattern",
            "partition",
            "label",
            "lineDescription",
        ];
        let mut fields = row.fields(&names);
        for text in ["description_pattern", "line_description"] {
            fields.entry(text).or_insert_with(|| "".into());
        }
        if let Some(place) = row.text("place")
            && let Some(place) = missing.take("place", self.organization(tx, place).await?)
        {
            fields.insert("place_id".to_owned(), place.0.into());
        }
        let mut services = Vec::new();
        for said in objects::<GroupService>(row, "services")? {
            let found = match cluster {
                Some(cluster) => missing.take("services", self.service(tx, cluster, &said.service).await?),
                // Without a cluster there is none, as the rule tells.
                None => Some(ServiceId(0)),
            };
            services.extend(found.map(|service| said.subscription(service)));
        }
        let organization = missing.settle(organization)?;
        let cmd = quick_add::Create {
            organization,
            cluster,
            copy_from: None,
            sent: quick_add::Sent {
                fields: Patch::new(fields),
                profile: Patch::new(row.object("settings")),
                appearance: Patch::new(row.object("appearance")),
                line: Patch::new(row.object("lineSettings")),
                services: (!services.is_empty()).then_some(services),
            },
        };
        self.stage(tx, File::QuickAddGroups, row, &cmd, |_| Faults::new()).await?;
        Ok(None)
    }

    /// Adds a user by a group: a new one where any of the names is given.
    async fn quick_add(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let mut places = [None; 2];
        for (place, column) in places.iter_mut().zip(["groupOrganization", "organization"]) {
            if let Some(path) = row.text(column) {
                *place = missing.take(column, self.organization(tx, path).await?);
            }
        }
        let [of, organization] = places;
        let group = missing.take("group", self.quick_add_group(tx, of, row.must("group")).await?);
        let group = missing.settle(group)?;
        // Of a group without a cluster the rule tells that it is there to be copied.
        let cluster = store::quick_add::cluster_seen(tx, group).await.map_err(Error::from)?;
        let mut missing = Missing::default();
        let services = self.added_services(tx, &mut missing, cluster, row).await?;
        let user_id = row.must("userId");
        let names = ["firstName", "lastName", "displayName", "email", "department", "userLocale"];
        let fields = row.fields(&names);
        let user = match cluster {
            _ if !fields.is_empty() => {
                Some(quick_add::Who::New { user_id: user_id.to_owned(), fields: Patch::new(fields) })
            }
            Some(cluster) => {
                let found = missing.take("userId", self.user(tx, cluster, user_id).await?);
                found.map(quick_add::Who::There)
            }
            None => Some(quick_add::Who::There(UserId(-1))),
        };
        let user = missing.settle(user)?;
        let number = row.text("number").map(str::to_owned);
        let profile_name = row.text("profileName").map(str::to_owned);
        let cmd = quick_add::Add { group, organization, user, number, profile_name, services };
        self.check_room(tx, &cmd).await?;
        self.stage(tx, File::QuickAdds, row, &cmd, |_| Faults::new()).await?;
        if let (None, Some(_), Some(room)) =
            (&cmd.number, self.foreseen, self.room.get_mut(&(group, organization)))
        {
            *room -= 1;
        }
        Ok(None)
    }

    /// Refuses a row for which earlier ones, that are not in this transaction, leave no number.
    async fn check_room(&mut self, tx: &Tx, cmd: &quick_add::Add) -> Result<(), Stop> {
        let (None, Some(taken)) = (&cmd.number, self.foreseen) else { return Ok(()) };
        if taken == 0 {
            return Ok(());
        }
        let key = (cmd.group, cmd.organization);
        let room = match self.room.get(&key) {
            Some(room) => *room,
            None => store::quick_add::available(tx, cmd).await.map_err(Error::from)? - taken,
        };
        self.room.insert(key, room);
        if room > 0 {
            return Ok(());
        }
        let partition = store::quick_add::partition_seen(tx, cmd.group).await.map_err(Error::from)?;
        Err(Stop::Rules(vec![(Some("number"), Rule::NoNumberAvailable { partition })]))
    }

    /// The phone services that a quick add names, on the cluster of its group.
    async fn added_services(
        &mut self,
        tx: &mut Tx,
        missing: &mut Missing,
        cluster: Option<ClusterId>,
        row: &Values<'_>,
    ) -> Result<Vec<quick_add::AddService>, Stop> {
        let Some(cluster) = cluster else { return Ok(Vec::new()) };
        let mut services = Vec::new();
        for said in objects::<AddedService>(row, "services")? {
            let found = self.service(tx, cluster, &said.service).await?;
            let Some(service) = missing.take("services", found) else { continue };
            let values = said.given();
            if let Some(known) = store::service::seen(tx, service).await.map_err(Error::from)? {
                let passwords = quick_add::service::passwords(&known, &values);
                missing.absent.extend(passwords.map(|rule| (Some("services"), rule)));
            }
            services.push(quick_add::AddService { service, values });
        }
        Ok(services)
    }

    async fn associate(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let Some(cluster) = missing.take("cluster", self.cluster(tx, row.must("cluster")).await?) else {
            return missing.settle(None);
        };
        let found = self.device(tx, cluster, row.must("profile"), Some(Kind::Profile)).await?;
        let profile = missing.take("profile", found);
        let user = missing.take("user", self.user(tx, cluster, row.must("user")).await?);
        let (profile, user) = missing.settle(profile.zip(user))?;
        // Behind a user who was refused, everybody stands one place further up.
        let whole = !matches!(self.known.get(&Key::UsersOf(profile)), Some(Known::Failed(_)));
        let asked = row.number("position").filter(|_| whole);
        let as_said = |changes: &[Change]| {
            let got = changes.iter().find_map(|change| match change {
                Change::UserAssociated { association, .. } => Some(association.position),
                _ => None,
            });
            match (asked, got) {
                (Some(asked), Some(got)) if asked != got => {
                    let want = format!("the profile's next place is {got}, and places have no gaps");
                    vec![(Some("position"), unreadable(format!("Position {asked}"), want))]
                }
                _ => Faults::new(),
            }
        };
        let cmd = user::Associate { profile, expected_version: None, users: vec![user] };
        self.stage(tx, File::ProfileUsers, row, &cmd, as_said).await?;
        Ok(None)
    }

    /// Adds a phone, or a profile for applications, to those that a user controls.
    async fn control(&mut self, tx: &mut Tx, file: File, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let Some(cluster) = missing.take("cluster", self.cluster(tx, row.must("cluster")).await?) else {
            return missing.settle(None);
        };
        let (column, kind) =
            if file == File::UserPhones { ("phone", Kind::Phone) } else { ("profile", Kind::Profile) };
        let user = missing.take("user", self.user(tx, cluster, row.must("user")).await?);
        let device = missing.take(column, self.device(tx, cluster, row.must(column), Some(kind)).await?);
        let (id, device) = missing.settle(user.zip(device))?;
        let (mut phones, mut cti_profiles) = (None, None);
        let list = if file == File::UserPhones {
            phones.insert(store::user::phones(tx, id).await.map_err(Error::from)?)
        } else {
            cti_profiles.insert(store::user::cti_profiles(tx, id).await.map_err(Error::from)?)
        };
        list.push(device);
        let cmd = user::Update { id, expected_version: None, fields: Patch::default(), phones, cti_profiles };
        self.stage(tx, file, row, &cmd, |_| Faults::new()).await?;
        Ok(None)
    }

    /// Decides a command and applies it; `check` sees what it would change before. Answers the id of what it made.
    pub(super) async fn stage<C: Command>(
        &self,
        tx: &mut Tx,
        file: File,
        row: &Values<'_>,
        cmd: &C,
        check: impl FnOnce(&[Change]) -> Faults,
    ) -> Result<Option<i64>, Stop> {
        let at_columns = |Broken(breaches): Broken| {
            // A clone's settings are refused as a whole: point at the first one that the row gives.
            let settings = || {
                let given = |name: &&str| !row.fields(&[*name]).is_empty();
                let columns = file.columns().iter().filter(|column| column.empty == Empty::Default);
                columns.map(|column| column.name).find(given)
            };
            let column = |path: &str| if path == "settings" { settings() } else { file.column_of(path) };
            breaches.into_iter().map(|breach| (column(&breach.path), breach.rule)).collect::<Faults>()
        };
        let changes = match command::decide(self.app, cmd, tx).await? {
            Ok(changes) => changes,
            Err(broken) => return Err(Stop::Rules(at_columns(broken))),
        };
        let faults = check(&changes);
        if !faults.is_empty() {
            return Err(Stop::Rules(faults));
        }
        let made = changes.first().and_then(made);
        if !changes.is_empty()
            && let Err(broken) = self.app.stage(tx, changes).await?
        {
            return Err(Stop::Clash(at_columns(broken)));
        }
        Ok(made)
    }

    /// The cluster and the organization of a row, where both are there.
    async fn place(
        &mut self,
        tx: &Tx,
        missing: &mut Missing,
        row: &Values<'_>,
    ) -> Result<Option<(ClusterId, OrganizationId)>, Error> {
        let cluster = missing.take("cluster", self.cluster(tx, row.must("cluster")).await?);
        let organization = self.organization(tx, row.must("organization")).await?;
        Ok(cluster.zip(missing.take("organization", organization)))
    }

    /// Notes the user that a column names, under the field's name in the model.
    async fn name_user(
        &mut self,
        tx: &Tx,
        missing: &mut Missing,
        place: Option<(ClusterId, OrganizationId)>,
        row: &Values<'_>,
        column: &'static str,
        fields: &mut Map<String, Value>,
    ) -> Result<(), Error> {
        if let (Some((cluster, _)), Some(name)) = (place, row.text(column))
            && let Some(user) = missing.take(column, self.user(tx, cluster, name).await?)
        {
            fields.insert(format!("{}_id", snake(column)), user.0.into());
        }
        Ok(())
    }
}

/// What a profile and a phone have in common. An empty softkey template is none, a missing column the stock one.
fn device_fields(row: &Values<'_>, more: &[&str]) -> Map<String, Value> {
    let mut fields = row.fields(&["description", "buttonTemplate", "softkeyTemplate"]);
    fields.extend(row.fields(more));
    if row.has("softkeyTemplate") && row.text("softkeyTemplate").is_none() {
        fields.insert("softkey_template".to_owned(), Value::Null);
    }
    fields
}

/// The objects in a cell; none in an empty one.
pub(super) fn objects<T: DeserializeOwned>(row: &Values<'_>, column: &'static str) -> Result<Vec<T>, Stop> {
    let Some(cell) = row.fields(&[column]).remove(column) else { return Ok(Vec::new()) };
    let unfit = |error: serde_json::Error| {
        Stop::Rules(vec![(Some(column), unreadable(format!("The {column}"), told(&error)))])
    };
    serde_json::from_value(cell).map_err(unfit)
}

/// What is wrong with a cell, without the value that stands there: it may be a password.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once(", expected ") {
        Some((_, wanted)) => format!("a value in it should be {wanted}"),
        None => text,
    }
}

fn there(key: Key, id: Option<i64>, kind: Option<Kind>) -> Made {
    id.map(|id| (key, Known::There(id, kind)))
}

/// What an organization says about lines that devices leave behind; nothing where the row says nothing.
fn left_lines(row: &Values<'_>) -> Option<LinePreferences> {
    let delete_unused = row.word("deleteUnusedLines");
    let description = row.text("leftLineDescription").map(str::to_owned);
    let settings = row.object("leftLineSettings");
    let template =
        (description.is_some() || !settings.is_empty()).then_some(LineTemplate { description, settings });
    (delete_unused.is_some() || template.is_some())
        .then(|| LinePreferences { delete_unused: delete_unused.unwrap_or_default(), template })
}

/// A word that was read and is not one of the enum's: the table and the type differ.
fn unread() -> Stop {
    Stop::Error(Error::internal(anyhow::anyhow!("a word of the columns is not one of its type")))
}

/// The id of what a change made.
fn made(change: &Change) -> Option<i64> {
    match change {
        Change::OrganizationCreated { organization } => Some(organization.id.0),
        Change::ClusterCreated { cluster } => Some(cluster.id.0),
        Change::DeviceRegistered { device } => Some(device.id.0),
        Change::ProfileCreated { profile } => Some(profile.id.0),
        Change::PhoneCreated { phone } => Some(phone.id.0),
        Change::LineCreated { line } => Some(line.id.0),
        Change::UserCreated { user } => Some(user.id.0),
        Change::ServiceCreated { service } => Some(service.id.0),
        _ => None,
    }
}
