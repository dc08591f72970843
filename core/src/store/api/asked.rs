//! A request under way: its body is read, its verb is done, its answer is given.
//!
//! `staging/src/k8s.io/apiserver/pkg/endpoints/handlers/{create,update,patch,delete}.go` of Kubernetes 1.36. The order of
//! work is the server's: the body is read and checked, then what the client left out is filled in, then the owners of
//! fields are noted, then the object is prepared, checked and stored.
//!
//! **Left out**: what the page above names.

use super::super::Store;
use super::super::merge::without_nulls;
use super::super::patch::apply::{Writer, update};
use super::super::service::DryRun;
use super::options;
use super::request::{Answer, Done, Options, Request, Subresource, Verb};
use super::strategy;
use crate::api::schema::{self, FieldValidation, TypeRef};
use crate::api::{
    FieldError, Kind, KubernetesVersion, NameRule, Object, ObjectMeta, Scope, Status, StatusReason,
    document, validate_object_meta, validate_object_meta_update,
};
use crate::time::Clock;
use serde_json::Value;
use std::sync::Arc;

/// The largest body that is read.
const MAX_BODY: usize = 3 << 20;

const ENDPOINTS_DEPRECATED: &str =
    "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";

impl Store {
    /// Does what a client asks. A dry run tells what would come of it, and changes nothing.
    ///
    /// # Errors
    /// What the server answers instead.
    pub fn request(&mut self, request: &Request, clock: &Clock) -> Result<Answer, Status> {
        if request.options.dry_run {
            return self.clone().ask(request, clock);
        }
        self.ask(request, clock)
    }

    fn ask(&mut self, request: &Request, clock: &Clock) -> Result<Answer, Status> {
        if !request.kind.is_served() || !strategy::offers(request.kind, request.subresource) {
            return Err(no_such_resource());
        }
        options::check(request)?;
        let kind = request.kind;
        let of = schema::of_kind(kind.api_version(), kind.name()).ok_or_else(no_such_resource)?;
        let mut warnings = Vec::new();
        let mut asked = Asked {
            store: self,
            request,
            clock,
            of,
            warnings: Vec::new(),
        };
        let (document, done) = asked.perform()?;
        warnings.append(&mut asked.warnings);
        warnings.extend(self.reading_warning(kind));
        Ok(Answer {
            document,
            warnings,
            done,
        })
    }

    /// What every request about a kind is warned of.
    #[must_use]
    pub fn reading_warning(&self, kind: Kind) -> Option<String> {
        let is_deprecated = kind == Kind::Endpoints && self.objects().cluster.version().minor >= 33;
        is_deprecated.then(|| ENDPOINTS_DEPRECATED.to_owned())
    }
}

/// There is nothing at such a path.
pub(super) fn no_such_resource() -> Status {
    Status::failure(
        StatusReason::NotFound,
        "the server could not find the requested resource",
    )
}

/// A request under way.
pub(super) struct Asked<'a> {
    pub(super) store: &'a mut Store,
    pub(super) request: &'a Request,
    pub(super) clock: &'a Clock,
    /// The type of the object's kind.
    pub(super) of: TypeRef,
    pub(super) warnings: Vec<String>,
}

pub(super) type Outcome = Result<(Value, Done), Status>;

impl Asked<'_> {
    fn perform(&mut self) -> Outcome {
        match (self.request.subresource, &self.request.verb) {
            (Subresource::Eviction, Verb::Create(body)) => self.evict(body),
            (Subresource::Binding, Verb::Create(body)) => self.bind(body),
            (Subresource::Eviction | Subresource::Binding, _) => Err(self.no_such_verb()),
            (Subresource::Scale, verb) => self.rescale(verb),
            (
                Subresource::Status,
                Verb::Create(_) | Verb::Delete | Verb::DeleteCollection { .. },
            ) => Err(self.no_such_verb()),
            (_, Verb::Create(body)) => {
                let document = self.read(body, self.of, self.kind_version())?;
                self.create(document)
            }
            (_, Verb::Update(body)) => {
                let document = self.read(body, self.of, self.kind_version())?;
                self.update(document)
            }
            (_, Verb::StrategicPatch(_) | Verb::MergePatch(_) | Verb::JsonPatch(_)) => self.patch(),
            (_, Verb::Apply(config)) => self.apply(config),
            (_, Verb::Delete) => self.delete(),
            (_, Verb::DeleteCollection { labels, fields }) => {
                let (labels, fields) = (labels.clone(), fields.clone());
                self.delete_collection(&labels, &fields)
            }
        }
    }

    pub(super) fn no_such_verb(&self) -> Status {
        Status::failure(
            StatusReason::MethodNotAllowed,
            "the server does not allow this method on the requested resource",
        )
    }

    pub(super) fn options(&self) -> &Options {
        &self.request.options
    }

    pub(super) fn version(&self) -> KubernetesVersion {
        self.store.objects().cluster.version()
    }

    /// Group and resource.
    pub(super) fn resource(&self) -> (&'static str, &'static str) {
        (self.request.kind.group(), self.request.kind.resource())
    }

    /// Group and kind.
    pub(super) fn kind(&self) -> (&'static str, &'static str) {
        (self.request.kind.group(), self.request.kind.name())
    }

    /// `apiVersion` and kind.
    fn kind_version(&self) -> (&'static str, &'static str) {
        (self.request.kind.api_version(), self.request.kind.name())
    }

    pub(super) fn validation(&self) -> FieldValidation {
        FieldValidation::named(&self.options().field_validation).unwrap_or_default()
    }

    pub(super) fn dry_run(&self) -> DryRun {
        match self.options().dry_run {
            true => DryRun::Yes,
            false => DryRun::No,
        }
    }

    /// A body as a document of a type.
    pub(super) fn read(
        &mut self,
        body: &str,
        of: TypeRef,
        (api_version, kind): (&str, &str),
    ) -> Result<Value, Status> {
        if body.len() > MAX_BODY {
            let message = format!("Request entity too large: limit is {MAX_BODY}");
            return Err(Status::failure(
                StatusReason::RequestEntityTooLarge,
                message,
            ));
        }
        let refuse = |reason: &str| {
            let version = api_version.rsplit('/').next().unwrap_or_default();
            Status::bad_request(schema::refusal(version, kind, reason))
        };
        let read = schema::read_body(body).map_err(|it| refuse(&it))?;
        let mut faults: Vec<schema::Fault> = schema::check(&read.value, of);
        faults.extend(read.duplicates);
        let warnings = schema::verdict(&faults, self.validation()).map_err(|it| refuse(&it))?;
        self.warnings.extend(warnings);
        right_kind(&read.value, api_version, kind)?;
        let mut document = schema::encoded(&read.value, of);
        document["apiVersion"] = api_version.into();
        document["kind"] = kind.into();
        Ok(document)
    }

    /// The live object as a read gives it: with defaults, as Go would print it.
    pub(super) fn live(&self) -> Result<Arc<Value>, Status> {
        let found = self.store.document(&self.request.object());
        let found = found.ok_or_else(|| Status::not_found(self.resource(), &self.request.name))?;
        let read = self.defaulted(Value::clone(found))?;
        Ok(Arc::new(schema::encoded(&read, self.of)))
    }

    /// A document with what its kind fills in.
    pub(super) fn defaulted(&self, mut document: Value) -> Result<Value, Status> {
        document::set_defaults(self.request.kind, &mut document);
        if let Object::Service(service) = self.typed(&document)? {
            let mut service = Arc::unwrap_or_clone(service);
            service.set_defaults();
            document["spec"] = Object::from(service).document()["spec"].take();
        }
        Ok(document)
    }

    pub(super) fn typed(&self, document: &Value) -> Result<Object, Status> {
        let mut document = document.clone();
        without_nulls(&mut document);
        Object::from_document(self.request.kind, &document)
            .map_err(|it| Status::bad_request(it.to_string()))
    }

    /// The document with the owners of its fields after this write.
    pub(super) fn owned(&self, live: Option<&Value>, document: &Value) -> Value {
        let manager = self.options().field_manager.as_str();
        let stamp = self.clock.stamp();
        let writer = Writer {
            manager: if manager.is_empty() {
                "unknown"
            } else {
                manager
            },
            api_version: self.request.kind.api_version(),
            subresource: self.request.subresource.name(),
            time: &stamp,
        };
        update(live, document, writer, self.of)
    }

    /// What is wrong with a new or changed object of any kind but Service.
    pub(super) fn check(&self, new: &Value, old: Option<&Value>) -> Result<(), Status> {
        let kind = self.request.kind;
        let version = self.version();
        let typed = self.typed(new)?;
        let Some(metadata) = typed.metadata() else {
            return Ok(());
        };
        let mut errors: Vec<FieldError> = match old {
            Some(old) => {
                let old = self.typed(old)?;
                let empty = ObjectMeta::default();
                validate_object_meta_update(metadata, old.metadata().unwrap_or(&empty), version)
            }
            None => {
                let scope = match kind.is_namespaced() {
                    true => Scope::Namespaced,
                    false => Scope::Cluster,
                };
                validate_object_meta(metadata, scope, name_rule(kind), version)
            }
        };
        if self.request.subresource != Subresource::Status {
            errors.extend(match old {
                Some(old) => document::validate_update(kind, new, old, version),
                None => document::validate(kind, new, version),
            });
        }
        if errors.is_empty() {
            return Ok(());
        }
        Err(Status::invalid(self.kind(), &metadata.name, &errors))
    }

    /// Stores a document, and hands back what it has become.
    pub(super) fn keep(&mut self, document: &Value, done: Done) -> Outcome {
        let kind = self.request.kind;
        let mut document = schema::encoded(document, self.of);
        without_nulls(&mut document);
        self.store.identify(&mut document, kind, self.clock);
        let live = self.store.document(&self.request.object());
        let revision = live.map(|it| it["metadata"]["resourceVersion"].clone());
        let reference = self
            .store
            .commit(kind, document)
            .map_err(|it| Status::bad_request(it.to_string()))?;
        let kept = self.store.document(&reference).map(|it| Value::clone(it));
        let mut kept = kept.unwrap_or_default();
        if let (true, Some(revision)) = (self.options().dry_run, revision) {
            // What is not stored has the revision of what is.
            kept["metadata"]["resourceVersion"] = revision;
        }
        if self.options().dry_run && done == Done::Created {
            // Nobody has counted it.
            if let Some(metadata) = kept["metadata"].as_object_mut() {
                metadata.remove("resourceVersion");
            }
        }
        Ok((kept, done))
    }
}

/// A body says what it is, or says nothing.
pub(super) fn right_kind(document: &Value, api_version: &str, kind: &str) -> Result<(), Status> {
    let text = |field: &str| document[field].as_str().unwrap_or_default();
    let told = (text("apiVersion"), text("kind"));
    if told == ("", "") || told == (api_version, kind) {
        return Ok(());
    }
    Err(Status::bad_request(format!(
        "{} in version {:?} cannot be handled as a {kind}: converting ({}).{} to ({api_version}).{kind}: unknown conversion",
        told.1, told.0, told.0, told.1,
    )))
}

/// Which names a kind may have.
const fn name_rule(kind: Kind) -> NameRule {
    match kind {
        Kind::Namespace => NameRule::Dns1123Label,
        Kind::Service => NameRule::Dns1035Label,
        _ => NameRule::Dns1123Subdomain,
    }
}
