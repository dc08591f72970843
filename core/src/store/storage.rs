//! The store: documents with revisions, their typed form, and what changed when.
//!
//! What etcd and the generic registry do for a real API server (`staging/src/k8s.io/apiserver/pkg/registry/generic`
//! of Kubernetes 1.36): identities, revisions, timestamps, generations, deletion in steps.
//!
//! **Left out**: how many events a client may send about one object, and that they go after an hour; compaction by
//! time: a watch can go back over the last [`MAX_CHANGES`] changes, however old.

use super::api;
use super::change::is_sign_of_life;
use super::merge::{has_emptied, without_nulls};
use super::service::{self, Rules};
use super::{
    Allocators, Change, ChangeKind, Note, Objects, Part, PortRange, Propagation, RangeReadiness,
    Write, changes, merge,
};
use crate::api::{
    ClusterConfiguration, Complaint, Event, EventSource, Kind, Object, ObjectRef, Pod, Service,
    TargetRef, document, schema,
};
use crate::chance::Chooser;
use crate::ip::parse_cidr_sloppy;
use crate::time::Clock;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// How many changes are remembered for watches.
pub const MAX_CHANGES: usize = 20_000;

/// The characters of generated names: no vowels, so that no words come about, and none that look alike.
const SUFFIX_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// How often another suffix is tried when a generated name is taken.
const MAX_NAMES: usize = 8;

/// What a generated name begins with is cut, so that it is a label with its suffix.
const MAX_PREFIX: usize = 58;

/// The memory of a cluster.
#[derive(Clone, Debug)]
pub struct Store {
    objects: Arc<Objects>,
    documents: BTreeMap<ObjectRef, Arc<Value>>,
    revision: u64,
    /// The last revision that was more than a sign of life.
    news: u64,
    /// The last revision that controllers were told of.
    told: u64,
    changes: Arc<VecDeque<Change>>,
    /// What was written in a store that begins as this one does: what is the same at the same revision is shared with it.
    precedent: Option<Arc<VecDeque<Change>>>,
    luck: Chooser,
    allocators: Allocators,
    /// The identities of objects that are gone.
    gone: BTreeSet<String>,
}

impl Store {
    /// An empty store.
    #[must_use]
    pub fn new(seed: u64) -> Store {
        Store {
            objects: Arc::default(),
            documents: BTreeMap::new(),
            revision: 0,
            news: 0,
            told: 0,
            changes: Arc::default(),
            precedent: None,
            luck: Chooser::seeded(seed),
            allocators: Rules::of(&ClusterConfiguration::default(), PortRange::default())
                .allocators(),
            gone: BTreeSet::new(),
        }
    }

    /// Has what is written from here on be shared with what another store wrote at the same revisions, wherever it is the
    /// same; with nothing any more, if there is no other. Nothing but the work is different.
    pub fn follow(&mut self, other: Option<&Store>) {
        self.precedent = other.map(|it| it.changes.clone());
    }

    /// What the store that is followed wrote at the next revision.
    fn precedent(&self) -> Option<&Change> {
        let changes = self.precedent.as_ref()?;
        let nth = (self.revision + 1).checked_sub(changes.front()?.revision)?;
        changes.get(usize::try_from(nth).ok()?)
    }

    /// What the API server was started with.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules::of(&self.objects.cluster, PortRange::default())
    }

    /// Who has which ClusterIP and node port.
    #[must_use]
    pub const fn allocators(&self) -> &Allocators {
        &self.allocators
    }

    pub(super) const fn allocators_mut(&mut self) -> &mut Allocators {
        &mut self.allocators
    }

    pub(super) const fn allocators_and_luck(&mut self) -> (&mut Allocators, &mut Chooser) {
        (&mut self.allocators, &mut self.luck)
    }

    pub(super) fn reset_allocators(&mut self) {
        self.allocators = self.rules().allocators();
        self.take_in_ranges();
    }

    /// Has the allocators know the ranges that ServiceCIDRs add, from the release on that has them.
    fn take_in_ranges(&mut self) {
        let version = self.rules().version;
        if version.minor < 33 {
            return;
        }
        let mut ranges = Vec::new();
        for it in self.objects.service_cidrs.values() {
            let ready = it.status.conditions.iter().find(|it| it.kind == "Ready");
            let is_going = it.metadata.deletion_timestamp.is_some();
            let readiness = if is_going || ready.is_some_and(|it| it.status != "True") {
                RangeReadiness::NotReady
            } else {
                RangeReadiness::Ready
            };
            let texts = it.spec.cidrs.iter();
            let found = texts.filter_map(|it| parse_cidr_sloppy(it));
            ranges.extend(found.map(|it| (it, readiness)));
        }
        self.allocators.add_ranges(&ranges, version);
    }

    pub(super) fn complete_service(&mut self, it: &mut Service) -> Vec<Complaint> {
        let rules = self.rules();
        service::complete(it, &rules, &mut self.allocators, &mut self.luck)
    }

    /// Keeps an object's spec as another; all else of its document stays.
    pub(super) fn replace_spec(&mut self, object: &Object) {
        let reference = object.reference();
        let Some(document) = self.documents.get(&reference) else {
            return;
        };
        if let Some(same) = self.precedent().filter(|it| it.makes(object, document)) {
            let (after, document) = (same.after.clone(), same.document.clone());
            self.keep(after.expect("it makes an object"), document);
            return;
        }
        let mut document = Value::clone(document);
        document["spec"] = object.document()["spec"].take();
        self.commit(reference.kind, document)
            .expect("a typed object reads back as itself");
    }

    /// All objects in their typed form.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The same, to be kept as they are now.
    #[must_use]
    pub fn shared_objects(&self) -> Arc<Objects> {
        self.objects.clone()
    }

    /// An object's document.
    #[must_use]
    pub fn document(&self, object: &ObjectRef) -> Option<&Arc<Value>> {
        self.documents.get(object)
    }

    /// All documents of a kind, by namespace and name.
    pub fn documents(&self, kind: Kind) -> impl Iterator<Item = (&ObjectRef, &Arc<Value>)> {
        let first = ObjectRef::new(kind, "", "");
        self.documents
            .range(first..)
            .take_while(move |(it, _)| it.kind == kind)
    }

    /// The number of the last change.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// The number of the last change that was more than a sign of life: what is made of the objects may stay as it is
    /// until there is another.
    #[must_use]
    pub const fn news(&self) -> u64 {
        self.news
    }

    /// All changes after a revision; none if some of them are forgotten already.
    #[must_use]
    pub fn changes_after(&self, revision: u64) -> Option<impl Iterator<Item = &Change>> {
        let forgotten = self
            .changes
            .front()
            .map_or(self.revision, |it| it.revision - 1);
        if revision < forgotten {
            return None;
        }
        let skip = self.changes.partition_point(|it| it.revision <= revision);
        Some(self.changes.range(skip..))
    }

    /// Whether an object of this identity was here and is gone. One that never was here may be somewhere else: a dump
    /// need not hold everything.
    #[must_use]
    pub fn has_lost(&self, uid: &str) -> bool {
        self.gone.contains(uid)
    }

    /// Where its luck comes from.
    pub const fn luck(&mut self) -> &mut Chooser {
        &mut self.luck
    }

    /// Puts an object in as it is, whatever a server would say to it: what a dump holds. What identifies it is
    /// filled in where the dump does not say.
    ///
    /// # Errors
    /// When a field is of a wrong type.
    pub fn adopt(
        &mut self,
        kind: Kind,
        mut document: Value,
        clock: &Clock,
    ) -> Result<ObjectRef, serde_json::Error> {
        without_nulls(&mut document);
        document::set_defaults(kind, &mut document);
        self.identify(&mut document, kind, clock);
        if matches!(
            kind,
            Kind::Pod | Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet
        ) && let Some(of) = schema::of_kind(kind.api_version(), kind.name())
        {
            // As a write through the API leaves them: otherwise the first such write would change the template of pods.
            document = schema::encoded(&document, of);
            without_nulls(&mut document);
        }
        self.commit(kind, document)
    }

    /// The same as [`Store::adopt`], of a document that the store that is followed adopted at the same revision. False if that
    /// is not remembered.
    pub fn adopt_again(&mut self, kind: Kind) -> bool {
        let Some(same) = self.precedent() else {
            return false;
        };
        let (Some(object), document) = (same.after.clone(), same.document.clone()) else {
            return false;
        };
        if kind.is_served() {
            // The identity it has, or would have been given.
            self.draw_uid();
        }
        self.keep(object, document);
        true
    }

    /// Does what a controller wants done.
    pub fn write(&mut self, write: Write, clock: &Clock) {
        match write {
            Write::Create(object) => self.create(object.kind(), object.document(), clock),
            Write::Document(kind, document) => self.create(kind, document, clock),
            Write::Patch {
                object,
                part,
                patch,
            } => self.patch(&object, part, &patch, clock),
            Write::Delete {
                object,
                propagation,
            } => self.delete(&object, propagation, None, clock),
            Write::Remove(object) => self.remove(&object),
            Write::Record(note) => self.record(note, clock),
        }
    }

    fn create(&mut self, kind: Kind, mut document: Value, clock: &Clock) {
        without_nulls(&mut document);
        let text = |field: &str| {
            document["metadata"][field]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let mut reference = ObjectRef::new(kind, &text("namespace"), &text("name"));
        if reference.name.is_empty() {
            let Some(name) = self.generated_name(&reference, &text("generateName")) else {
                return;
            };
            document["metadata"]["name"] = name.clone().into();
            reference.name = name;
        } else if self.documents.contains_key(&reference) {
            return;
        }
        document::set_defaults(kind, &mut document);
        if kind == Kind::Pod {
            api::admit_pod(&mut document);
        }
        if kind == Kind::Service
            && let Ok(Object::Service(it)) = Object::from_document(kind, &document)
        {
            let mut service = Arc::unwrap_or_clone(it);
            // Nobody is there to be told of an address that is taken: the repair says so in an event.
            let _ = service::adopt(&service, &mut self.allocators);
            let _ = self.complete_service(&mut service);
            document["spec"] = Object::from(service).document()["spec"].take();
        }
        self.identify(&mut document, kind, clock);
        self.commit(kind, document)
            .expect("what a controller makes is of the right types");
    }

    /// A free name that begins like this.
    pub(super) fn generated_name(&mut self, object: &ObjectRef, prefix: &str) -> Option<String> {
        let mut reference = object.clone();
        let prefix = prefix.get(..MAX_PREFIX).unwrap_or(prefix);
        for _ in 0..MAX_NAMES {
            reference.name = format!("{prefix}{}", self.suffix());
            if !self.documents.contains_key(&reference) {
                return Some(reference.name);
            }
        }
        None
    }

    /// Five characters for a generated name.
    pub fn suffix(&mut self) -> String {
        (0..5)
            .map(|_| {
                let drawn = self.luck.draw(SUFFIX_ALPHABET.len() as u64);
                let idx = usize::try_from(drawn).unwrap_or(0);
                char::from(SUFFIX_ALPHABET[idx % SUFFIX_ALPHABET.len()])
            })
            .collect()
    }

    /// Fills in what a server gives every object.
    pub(super) fn identify(&mut self, document: &mut Value, kind: Kind, clock: &Clock) {
        if !kind.is_served() {
            return;
        }
        let uid = self.uid();
        let Value::Object(fields) = document else {
            return;
        };
        fields
            .entry("apiVersion")
            .or_insert_with(|| kind.api_version().into());
        fields.entry("kind").or_insert_with(|| kind.name().into());
        let metadata = fields.entry("metadata").or_insert_with(|| json!({}));
        let Value::Object(metadata) = metadata else {
            return;
        };
        metadata.entry("uid").or_insert_with(|| uid.into());
        metadata
            .entry("creationTimestamp")
            .or_insert_with(|| clock.stamp().into());
        if has_generation(kind) {
            metadata.entry("generation").or_insert_with(|| 1.into());
        }
    }

    /// A version 4 UUID.
    fn uid(&mut self) -> String {
        let (high, low) = self.draw_uid();
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            0x8000 | low >> 48 & 0x3fff,
            low & 0xffff_ffff_ffff
        )
    }

    fn draw_uid(&mut self) -> (u64, u64) {
        (self.luck.draw(u64::MAX), self.luck.draw(u64::MAX))
    }

    /// Keeps a document under its name, as a new revision.
    ///
    /// # Errors
    /// When a field is of a wrong type.
    pub fn commit(
        &mut self,
        kind: Kind,
        mut document: Value,
    ) -> Result<ObjectRef, serde_json::Error> {
        let revision = self.revision + 1;
        if kind.is_served()
            && let Some(metadata) = document.get_mut("metadata")
        {
            metadata["resourceVersion"] = revision.to_string().into();
        }
        let is_same = |it: &&Change| it.object.kind == kind && *it.document == document;
        let same = self.precedent().filter(is_same);
        let same = same.and_then(|it| Some((it.after.clone()?, it.document.clone())));
        let (object, document) = match same {
            Some(same) => same,
            None => (Object::from_document(kind, &document)?, Arc::new(document)),
        };
        Ok(self.keep(object, document))
    }

    /// Keeps an object and its document, which says what revision this makes.
    fn keep(&mut self, object: Object, document: Arc<Value>) -> ObjectRef {
        let (revision, kind) = (self.revision + 1, object.kind());
        let reference = object.reference();
        let before = Arc::make_mut(&mut self.objects).put_at(&reference, object.clone());
        let change = if before.is_some() {
            ChangeKind::Modified
        } else {
            ChangeKind::Added
        };
        let before_document = self.documents.insert(reference.clone(), document.clone());
        let is_sign_of_life = is_sign_of_life(kind, before_document.as_deref(), &document);
        if kind == Kind::ServiceCidr {
            self.take_in_ranges();
        }
        self.note_change(Change {
            revision,
            kind: change,
            object: reference.clone(),
            before,
            before_document,
            after: Some(object),
            document,
            is_sign_of_life,
        });
        reference
    }

    fn note_change(&mut self, change: Change) {
        self.revision = change.revision;
        if !change.is_sign_of_life {
            self.news = change.revision;
        }
        Arc::make_mut(&mut self.changes).push_back(change);
        self.forget_told(self.told);
    }

    /// Takes note that controllers were told of every change up to a revision: of those, only the last [`MAX_CHANGES`]
    /// are kept. What nobody was told of yet is kept, however much it is.
    pub fn forget_told(&mut self, told: u64) {
        self.told = told;
        while self.changes.len() > MAX_CHANGES
            && self.changes.front().is_some_and(|it| it.revision <= told)
        {
            Arc::make_mut(&mut self.changes).pop_front();
        }
    }

    fn patch(&mut self, object: &ObjectRef, part: Part, patch: &Value, clock: &Clock) {
        let Some(before) = self.documents.get(object) else {
            return;
        };
        if !changes(Some(before), patch) {
            return;
        }
        let mut document = Value::clone(before);
        merge(&mut document, patch);
        if part == Part::Main {
            document::set_defaults(object.kind, &mut document);
        }
        if has_emptied(&document, patch) {
            // An empty map is none to the server, where it is none to Go.
            document = api::printed(object.kind, &document);
            without_nulls(&mut document);
        }
        if part == Part::Main && api::changes_generation(object.kind, &document, before) {
            let generation = document["metadata"]["generation"].as_i64().unwrap_or(0);
            document["metadata"]["generation"] = (generation + 1).into();
        }
        let document = api::tracked(object.kind, part, before, document, &clock.stamp());
        self.commit(object.kind, document)
            .expect("a controller's patch is of the right types");
    }

    /// Asks an object to go. `grace_secs` is what the caller allows a pod, instead of what the pod asks for.
    pub fn delete(
        &mut self,
        object: &ObjectRef,
        propagation: Propagation,
        grace_secs: Option<i64>,
        clock: &Clock,
    ) {
        let Some(document) = self.documents.get(object) else {
            return;
        };
        let grace_secs = match self.objects.find(object) {
            Some(Object::Pod(pod)) => grace_of(&pod, grace_secs),
            _ => 0,
        };
        let mut document = Value::clone(document);
        let metadata = &mut document["metadata"];
        let asks_others = ask_dependents(metadata, propagation);
        let waits_for_somebody = metadata["finalizers"]
            .as_array()
            .is_some_and(|it| !it.is_empty())
            || object.kind == Kind::Namespace;
        if grace_secs == 0 && !waits_for_somebody {
            self.remove(object);
            return;
        }
        let known_grace = metadata["deletionGracePeriodSeconds"].as_i64();
        let is_first = metadata["deletionTimestamp"].is_null();
        if is_first || known_grace > Some(grace_secs) {
            let grace = crate::time::Duration::from_secs(u64::try_from(grace_secs).unwrap_or(0));
            metadata["deletionTimestamp"] = clock.stamp_of(clock.now + grace).into();
            // A namespace has no grace, only content.
            if object.kind != Kind::Namespace {
                metadata["deletionGracePeriodSeconds"] = grace_secs.into();
            }
        } else if !asks_others {
            return;
        }
        if let (true, Some(generation)) = (is_first, metadata["generation"].as_i64()) {
            metadata["generation"] = (generation + 1).into();
        }
        if object.kind == Kind::Namespace {
            document["status"]["phase"] = "Terminating".into();
        }
        self.commit(object.kind, document)
            .expect("what was read before reads again");
    }

    /// Takes an object away for good.
    pub fn remove(&mut self, object: &ObjectRef) {
        let (Some(before), Some(document)) = (
            Arc::make_mut(&mut self.objects).remove(object),
            self.documents.remove(object),
        ) else {
            return;
        };
        let uid = before.metadata().and_then(|it| it.uid.clone());
        self.gone.extend(uid);
        if let Object::Service(service) = &before {
            service::delete(service, &mut self.allocators);
        }
        if object.kind == Kind::ServiceCidr {
            self.take_in_ranges();
        }
        self.note_change(Change {
            revision: self.revision + 1,
            kind: ChangeKind::Deleted,
            object: object.clone(),
            before: Some(before),
            before_document: Some(document.clone()),
            after: None,
            document,
            is_sign_of_life: false,
        });
    }

    /// Records an event; one that says the same as before only counts up.
    fn record(&mut self, note: Note, clock: &Clock) {
        let Some(about) = self.objects.find(&note.about) else {
            return;
        };
        let Some(metadata) = about.metadata() else {
            return;
        };
        let involved = TargetRef {
            api_version: Some(note.about.kind.api_version().into()),
            kind: Some(note.about.kind.name().into()),
            namespace: Some(note.about.namespace.clone()).filter(|it| !it.is_empty()),
            name: Some(note.about.name.clone()),
            uid: metadata.uid.clone(),
            resource_version: metadata.resource_version.clone(),
            field_path: note.field_path.clone(),
        };
        let namespace = match note.about.namespace.as_str() {
            "" => "default",
            namespace => namespace,
        };
        let known = self.known_events(namespace, &note, &involved, clock);
        let (found, message) = known.place(&note.message);
        if let Some(same) = found {
            let count = same.count.unwrap_or(1) + 1;
            let reference = Object::from(same).reference();
            let patch = json!({"count": count, "lastTimestamp": clock.stamp(), "message": message});
            self.patch(&reference, Part::Main, &patch, clock);
            return;
        }
        let mut event = Event {
            involved_object: involved,
            reason: note.reason,
            message,
            reporting_component: note.component.to_owned(),
            reporting_instance: note.host.clone().unwrap_or_default(),
            source: EventSource {
                component: note.component.to_owned(),
                host: note.host,
            },
            first_timestamp: Some(clock.stamp()),
            last_timestamp: Some(clock.stamp()),
            count: Some(1),
            kind: note.kind.name().to_owned(),
            ..Event::default()
        };
        namespace.clone_into(&mut event.metadata.namespace);
        let number = self.luck.draw(u64::MAX);
        event.metadata.name = format!("{}.{number:016x}", note.about.name);
        self.create(Kind::Event, Object::from(event).document(), clock);
    }

    /// The events that say something of the same kind of the same object.
    fn known_events(
        &self,
        namespace: &str,
        note: &Note,
        involved: &TargetRef,
        clock: &Clock,
    ) -> KnownEvents {
        let prefix = format!("{}.", note.about.name);
        let first = (namespace.to_owned(), prefix.clone());
        let near = self.objects.events.range(first..).map(|(_, it)| it);
        let near = near.take_while(|it| {
            it.metadata.namespace == namespace && it.metadata.name.starts_with(&prefix)
        });
        let mut known = KnownEvents::default();
        for it in near {
            let is_alike = it.involved_object.uid == involved.uid
                && it.reason == note.reason
                && it.kind == note.kind.name()
                && it.source.component == note.component;
            if !is_alike {
                continue;
            }
            let last = it.last_timestamp.as_deref();
            let is_recent = last
                .and_then(|it| clock.secs_since(it))
                .is_none_or(|it| it < SIMILAR_FOR_SECS);
            if it.message.starts_with(COMBINED) {
                known.combined = Some(it.clone()).filter(|_| is_recent);
            } else if it.message == note.message
                && it.involved_object.field_path == involved.field_path
            {
                known.same = Some(it.clone());
            } else {
                known.n_similar += usize::from(is_recent);
            }
        }
        known
    }
}

/// What an event's message begins with that stands for several.
const COMBINED: &str = "(combined from similar events): ";

/// So many different messages of one kind in a row are combined (`defaultAggregateMaxEvents`).
const MAX_SIMILAR: usize = 10;

/// How long they count as similar (`defaultAggregateIntervalInSeconds`).
const SIMILAR_FOR_SECS: i64 = 600;

/// What is known when an event is to be recorded.
#[derive(Default)]
struct KnownEvents {
    /// The one that says just this.
    same: Option<Arc<Event>>,
    /// The one that stands for several.
    combined: Option<Arc<Event>>,
    /// How many others there are of the kind.
    n_similar: usize,
}

impl KnownEvents {
    /// The event to be counted up, if there is one, and the message it has then (`EventAggregate` and `eventObserve` of
    /// client-go's `events_cache.go`).
    fn place(self, message: &str) -> (Option<Arc<Event>>, String) {
        if self.n_similar + 1 < MAX_SIMILAR {
            return (self.same, message.to_owned());
        }
        (self.combined, format!("{COMBINED}{message}"))
    }
}

/// The kinds whose spec changes are counted.
const fn has_generation(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Deployment
            | Kind::ReplicaSet
            | Kind::StatefulSet
            | Kind::Ingress
            | Kind::IngressClass
            | Kind::NetworkPolicy
            | Kind::EndpointSlice
            | Kind::Pod
    )
}

/// How long a pod may take to go: not at all if it is on no node, or has run to its end.
fn grace_of(pod: &Pod, told: Option<i64>) -> i64 {
    if pod.spec.node_name.is_none() || pod.is_over() {
        return 0;
    }
    let grace = told.or(pod.spec.termination_grace_period_seconds);
    match grace.unwrap_or(30) {
        // Less than nothing once was a way to say "soon".
        secs if secs < 0 => 1,
        secs => secs,
    }
}

/// Notes in the finalizers what is to become of what an object owns. Says whether that changed something.
fn ask_dependents(metadata: &mut Value, propagation: Propagation) -> bool {
    let wanted = match propagation {
        // What was asked for before stays asked for.
        Propagation::Background => return false,
        Propagation::Foreground => "foregroundDeletion",
        Propagation::Orphan => "orphan",
    };
    let known = metadata["finalizers"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let mut finalizers = known.clone();
    finalizers.retain(|it| it == wanted || (it != "foregroundDeletion" && it != "orphan"));
    if !finalizers.iter().any(|it| it == wanted) {
        finalizers.push(wanted.into());
    }
    let is_changed = finalizers != known;
    if is_changed {
        metadata["finalizers"] = finalizers.into();
    }
    is_changed
}
