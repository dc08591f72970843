//! Create, update, patch, apply, delete.
//!
//! The order of work is the server's: the body is read and checked, then what the client left out is filled in, then
//! the object is checked, then stored; a write that changes nothing keeps the revision.
//!
//! **Left out**: what the page above names.

use super::super::merge::without_nulls;
use super::super::patch::apply::{ApplyError, OnConflict, Writer, apply, update};
use super::super::patch::{
    PatchError, UNPROCESSABLE, json_patch, merge_patch, strategic_merge_patch,
};
use super::super::service::{self, DryRun};
use super::super::{Propagation, Store};
use super::request::{Answer, Done, Options, Request, Subresource, Verb};
use crate::api::schema::{self, FieldValidation, TypeRef};
use crate::api::{
    FieldError, Kind, NameRule, Object, ObjectMeta, ObjectRef, STALE, Scope, Service, Status,
    StatusCause, StatusReason, validate_object_meta, validate_object_meta_update,
};
use crate::time::Clock;
use serde_json::{Value, json};
use std::sync::Arc;

/// The largest body that is read.
const MAX_BODY: usize = 3 << 20;

impl Store {
    /// Does what a client asks.
    ///
    /// # Errors
    /// What the server answers instead.
    pub fn request(&mut self, request: &Request, clock: &Clock) -> Result<Answer, Status> {
        if !request.kind.is_served() {
            return Err(Status::failure(
                StatusReason::NotFound,
                "the server could not find the requested resource",
            ));
        }
        let of = schema_of(request.kind)?;
        let mut asked = Asked {
            store: self,
            request,
            clock,
            of,
            warnings: Vec::new(),
        };
        let (document, done) = match &request.verb {
            Verb::Create(body) => {
                let document = asked.read(body)?;
                asked.create(document)
            }
            Verb::Update(body) => {
                let document = asked.read(body)?;
                asked.update(document)
            }
            Verb::StrategicPatch(patch) => {
                asked.patch(|live, of| strategic_merge_patch(live, patch, of))
            }
            Verb::MergePatch(patch) => asked.patch(|live, _| merge_patch(live, patch)),
            Verb::JsonPatch(patch) => asked.patch(|live, _| json_patch(live, patch)),
            Verb::Apply(config) => asked.apply(config),
            Verb::Delete => asked.delete(),
        }?;
        let mut warnings = asked.warnings;
        let version = self.objects().cluster.version();
        if request.kind == Kind::Endpoints && version.minor >= 33 {
            warnings.push(ENDPOINTS_DEPRECATED.to_owned());
        }
        Ok(Answer {
            document,
            warnings,
            done,
        })
    }
}

const ENDPOINTS_DEPRECATED: &str =
    "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";

fn schema_of(kind: Kind) -> Result<TypeRef, Status> {
    schema::of_kind(kind.api_version(), kind.name()).ok_or_else(|| {
        Status::failure(
            StatusReason::NotFound,
            "the server could not find the requested resource",
        )
    })
}

/// A request under way.
struct Asked<'a> {
    store: &'a mut Store,
    request: &'a Request,
    clock: &'a Clock,
    of: TypeRef,
    warnings: Vec<String>,
}

type Outcome = Result<(Value, Done), Status>;

impl Asked<'_> {
    fn options(&self) -> &Options {
        &self.request.options
    }

    fn resource(&self) -> (&'static str, &'static str) {
        (self.request.kind.group(), self.request.kind.resource())
    }

    fn kind(&self) -> (&'static str, &'static str) {
        (self.request.kind.group(), self.request.kind.name())
    }

    /// A body as a document of the right type.
    fn read(&mut self, body: &str) -> Result<Value, Status> {
        if body.len() > MAX_BODY {
            let message = format!("Request entity too large: limit is {MAX_BODY}");
            return Err(Status::failure(
                StatusReason::RequestEntityTooLarge,
                message,
            ));
        }
        let kind = self.request.kind;
        let refuse = |reason: &str| {
            let version = kind.api_version().rsplit('/').next().unwrap_or_default();
            Status::bad_request(schema::refusal(version, kind.name(), reason))
        };
        let read = schema::read_body(body).map_err(|it| refuse(&it))?;
        let mut faults: Vec<schema::Fault> = schema::check(&read.value, self.of);
        faults.extend(read.duplicates);
        let mode = FieldValidation::named(&self.options().field_validation).unwrap_or_default();
        let warnings = schema::verdict(&faults, mode).map_err(|it| refuse(&it))?;
        self.warnings.extend(warnings);
        self.right_kind(&read.value)?;
        Ok(schema::encoded(&read.value, self.of))
    }

    fn right_kind(&self, document: &Value) -> Result<(), Status> {
        let kind = self.request.kind;
        let text = |field: &str| document[field].as_str().unwrap_or_default();
        let told = (text("apiVersion"), text("kind"));
        let is_silent = told == ("", "");
        if is_silent || told == (kind.api_version(), kind.name()) {
            return Ok(());
        }
        Err(Status::bad_request(format!(
            "{} in version {:?} cannot be handled as a {}: converting ({}).{} to ({}).{}: unknown conversion",
            told.1,
            told.0,
            kind.name(),
            told.0,
            told.1,
            kind.api_version(),
            kind.name(),
        )))
    }

    fn create(&mut self, mut document: Value) -> Outcome {
        let mut reference = self.place(&mut document)?;
        if reference.name.is_empty()
            && let Some(prefix) = document["metadata"]["generateName"].as_str()
        {
            reference.name = format!("{prefix}{}", self.store.suffix());
            document["metadata"]["name"] = reference.name.clone().into();
        }
        for field in [
            "uid",
            "resourceVersion",
            "creationTimestamp",
            "selfLink",
            "deletionTimestamp",
        ] {
            if let Some(metadata) = document["metadata"].as_object_mut() {
                metadata.remove(field);
            }
        }
        let typed = self.typed(&document)?;
        let mut service = match &typed {
            Object::Service(it) => Some(Service::clone(it)),
            _ => None,
        };
        if let Some(service) = &mut service {
            self.admit_new(service)?;
            document["spec"] = Object::from(service.clone()).document()["spec"].take();
            document["status"] = json!({"loadBalancer": {}});
        } else {
            self.check_metadata(&typed, None)?;
            prepare_new(self.request.kind, &mut document);
        }
        if self.store.document(&reference).is_some() {
            if let Some(service) = &service
                && !self.options().dry_run
            {
                service::delete(service, self.store.allocators_mut());
            }
            return Err(Status::already_exists(self.resource(), &reference.name));
        }
        let document = self.owned(None, &document);
        self.keep(document, Done::Created)
    }

    /// Where a new object goes: its namespace must be there, and not be going.
    fn place(&self, document: &mut Value) -> Result<ObjectRef, Status> {
        let kind = self.request.kind;
        let told = document["metadata"]["namespace"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let namespace = if !kind.is_namespaced() {
            String::new()
        } else if self.request.namespace.is_empty() {
            if told.is_empty() {
                "default".to_owned()
            } else {
                told.clone()
            }
        } else {
            self.request.namespace.clone()
        };
        if !told.is_empty() && told != namespace {
            return Err(Status::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        if kind.is_namespaced() {
            document["metadata"]["namespace"] = namespace.clone().into();
            match self.store.objects().namespaces.get(&namespace) {
                None => return Err(Status::not_found(("", "namespaces"), &namespace)),
                Some(it) if it.metadata.deletion_timestamp.is_some() => {
                    let name = document["metadata"]["name"].as_str().unwrap_or_default();
                    let why = format!(
                        "unable to create new content in namespace {namespace} because it is being terminated"
                    );
                    return Err(Status::forbidden(self.resource(), name, &why));
                }
                Some(_) => {}
            }
        }
        let name = document["metadata"]["name"]
            .as_str()
            .unwrap_or(&self.request.name);
        Ok(ObjectRef::new(kind, &namespace, name))
    }

    fn typed(&self, document: &Value) -> Result<Object, Status> {
        let mut document = document.clone();
        without_nulls(&mut document);
        Object::from_document(self.request.kind, &document)
            .map_err(|it| Status::bad_request(it.to_string()))
    }

    fn admit_new(&mut self, service: &mut Service) -> Result<(), Status> {
        let rules = self.store.rules();
        let dry_run = self.dry_run();
        let (allocators, luck) = self.store.allocators_and_luck();
        let warnings = service::create(service, &rules, allocators, luck, dry_run)?;
        self.warnings.extend(warnings);
        Ok(())
    }

    fn dry_run(&self) -> DryRun {
        if self.options().dry_run {
            DryRun::Yes
        } else {
            DryRun::No
        }
    }

    fn check_metadata(&self, new: &Object, old: Option<&ObjectMeta>) -> Result<(), Status> {
        let Some(metadata) = new.metadata() else {
            return Ok(());
        };
        let version = self.store.objects().cluster.version();
        let kind = self.request.kind;
        let errors: Vec<FieldError> = match old {
            Some(old) => validate_object_meta_update(metadata, old, version),
            None => {
                let scope = if kind.is_namespaced() {
                    Scope::Namespaced
                } else {
                    Scope::Cluster
                };
                validate_object_meta(metadata, scope, name_rule(kind), version)
            }
        };
        if errors.is_empty() {
            return Ok(());
        }
        Err(Status::invalid(self.kind(), &metadata.name, &errors))
    }

    fn live(&self) -> Result<Arc<Value>, Status> {
        let found = self.store.document(&self.request.object()).cloned();
        found.ok_or_else(|| Status::not_found(self.resource(), &self.request.name))
    }

    fn update(&mut self, mut document: Value) -> Outcome {
        let live = self.live()?;
        self.check_revision(&live, &document)?;
        let told = document["metadata"]["name"].as_str().unwrap_or_default();
        if told != self.request.name {
            let message = format!(
                "the name of the object ({told}) does not match the name on the URL ({})",
                self.request.name
            );
            return Err(Status::bad_request(message));
        }
        for field in [
            "uid",
            "creationTimestamp",
            "namespace",
            "generation",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
        ] {
            match live["metadata"].get(field) {
                Some(it) => document["metadata"][field] = it.clone(),
                None => {
                    if let Some(metadata) = document["metadata"].as_object_mut() {
                        metadata.remove(field);
                    }
                }
            }
        }
        match self.request.subresource {
            Subresource::Main => document["status"] = live["status"].clone(),
            Subresource::Status => {
                let status = document["status"].take();
                document = Value::clone(&live);
                document["status"] = status;
            }
        }
        self.replace(&live, &document)
    }

    fn check_revision(&self, live: &Value, document: &Value) -> Result<(), Status> {
        let current = live["metadata"]["resourceVersion"]
            .as_str()
            .unwrap_or_default();
        let told = document["metadata"]["resourceVersion"]
            .as_str()
            .unwrap_or_default();
        let wanted = self.options().resource_version.as_deref().unwrap_or(told);
        if !wanted.is_empty() && wanted != current {
            return Err(Status::conflict(self.resource(), &self.request.name, STALE));
        }
        Ok(())
    }

    fn patch(&mut self, apply: impl Fn(&Value, TypeRef) -> Result<Value, PatchError>) -> Outcome {
        let live = self.live()?;
        let patched = apply(&live, self.of).map_err(|it| refuse_patch(&it))?;
        let faults = schema::check(&patched, self.of);
        let mode = FieldValidation::named(&self.options().field_validation).unwrap_or_default();
        let warnings = schema::verdict(&faults, mode).map_err(|it| {
            let error = FieldError::invalid("patch", "", it);
            Status::invalid(("", ""), "", &[error])
        })?;
        self.warnings.extend(warnings);
        let patched = schema::encoded(&patched, self.of);
        self.check_revision(&live, &patched)?;
        let mut document = patched;
        match self.request.subresource {
            Subresource::Main => document["status"] = live["status"].clone(),
            Subresource::Status => {
                let status = document["status"].take();
                document = Value::clone(&live);
                document["status"] = status;
            }
        }
        self.replace(&live, &document)
    }

    fn apply(&mut self, config: &Value) -> Outcome {
        let live = self.store.document(&self.request.object()).cloned();
        let stamp = self.clock.stamp();
        let writer = Writer {
            manager: &self.request.options.field_manager,
            api_version: self.request.kind.api_version(),
            subresource: self.subresource(),
            time: &stamp,
        };
        let on_conflict = if self.options().force {
            OnConflict::Force
        } else {
            OnConflict::Fail
        };
        let applied = apply(live.as_deref(), config, writer, self.of, on_conflict)
            .map_err(|it| refuse_apply(&it))?;
        match live {
            None => self.create(applied),
            Some(live) => {
                let mut document = applied;
                document["status"] = live["status"].clone();
                self.replace_as_owned(&live, document)
            }
        }
    }

    fn subresource(&self) -> &'static str {
        match self.request.subresource {
            Subresource::Main => "",
            Subresource::Status => "status",
        }
    }

    /// Puts a document in the place of the live one, and notes who changed what.
    fn replace(&mut self, live: &Value, document: &Value) -> Outcome {
        let document = self.owned(Some(live), document);
        self.replace_as_owned(live, document)
    }

    fn replace_as_owned(&mut self, live: &Value, mut document: Value) -> Outcome {
        let old = self.typed(live)?;
        let new = self.typed(&document)?;
        if let (Object::Service(old), Object::Service(new)) = (&old, &new) {
            let mut new = Service::clone(new);
            self.admit_changed(old, &mut new)?;
            let mut admitted = Object::from(new).document();
            document["spec"] = admitted["spec"].take();
            document["status"] = admitted["status"].take();
        } else {
            self.check_metadata(&new, old.metadata())?;
        }
        if is_same(live, &document) {
            return Ok((live.clone(), Done::Unchanged));
        }
        if live["spec"] != document["spec"] && !live["metadata"]["generation"].is_null() {
            let generation = live["metadata"]["generation"].as_i64().unwrap_or(0);
            document["metadata"]["generation"] = (generation + 1).into();
        }
        self.keep(document, Done::Changed)
    }

    fn admit_changed(&mut self, old: &Service, new: &mut Service) -> Result<(), Status> {
        let rules = self.store.rules();
        let warnings = match self.request.subresource {
            Subresource::Status => service::update_status(old, new, &rules)?,
            Subresource::Main => {
                let dry_run = self.dry_run();
                let (allocators, luck) = self.store.allocators_and_luck();
                service::update(old, new, &rules, allocators, luck, dry_run)?
            }
        };
        self.warnings.extend(warnings);
        Ok(())
    }

    /// The document with the owners of its fields after this write.
    fn owned(&self, live: Option<&Value>, document: &Value) -> Value {
        let manager = self.options().field_manager.as_str();
        let stamp = self.clock.stamp();
        let writer = Writer {
            manager: if manager.is_empty() {
                "unknown"
            } else {
                manager
            },
            api_version: self.request.kind.api_version(),
            subresource: self.subresource(),
            time: &stamp,
        };
        update(live, document, writer, self.of)
    }

    fn keep(&mut self, mut document: Value, done: Done) -> Outcome {
        let kind = self.request.kind;
        without_nulls(&mut document);
        if self.options().dry_run {
            self.store.identify(&mut document, kind, self.clock);
            return Ok((document, done));
        }
        self.store.identify(&mut document, kind, self.clock);
        let reference = self
            .store
            .commit(kind, document)
            .map_err(|it| Status::bad_request(it.to_string()))?;
        let kept = self.store.document(&reference).map(|it| Value::clone(it));
        Ok((kept.unwrap_or_default(), done))
    }

    fn delete(&mut self) -> Outcome {
        let live = self.live()?;
        let options = self.options().clone();
        let reference = self.request.object();
        let uid = live["metadata"]["uid"].as_str().unwrap_or_default();
        if let Some(wanted) = options.uid.as_deref().filter(|it| *it != uid) {
            let why = format!(
                "Precondition failed: UID in precondition: {wanted}, UID in object meta: {uid}"
            );
            return Err(Status::conflict(self.resource(), &reference.name, &why));
        }
        self.check_revision(&live, &Value::Null)?;
        if options.dry_run {
            return Ok((Value::clone(&live), Done::Deleted));
        }
        let propagation = options
            .propagation
            .map_or(Propagation::Background, Into::into);
        self.store.delete(
            &reference,
            propagation,
            options.grace_period_seconds,
            self.clock,
        );
        match self.store.document(&reference) {
            Some(it) => Ok((Value::clone(it), Done::Terminating)),
            None => Ok((Value::clone(&live), Done::Deleted)),
        }
    }
}

/// Which names a kind may have.
const fn name_rule(kind: Kind) -> NameRule {
    match kind {
        Kind::Namespace => NameRule::Dns1123Label,
        Kind::Service => NameRule::Dns1035Label,
        _ => NameRule::Dns1123Subdomain,
    }
}

/// What a new object of a kind gets from its server.
fn prepare_new(kind: Kind, document: &mut Value) {
    match kind {
        Kind::Namespace => {
            let name = document["metadata"]["name"].clone();
            document["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
            document["spec"]["finalizers"] = json!(["kubernetes"]);
            document["status"] = json!({"phase": "Active"});
        }
        Kind::Pod => document["status"] = json!({"phase": "Pending"}),
        Kind::Deployment
        | Kind::ReplicaSet
        | Kind::StatefulSet
        | Kind::Ingress
        | Kind::ServiceCidr => {
            document["status"] = json!({});
        }
        _ => {}
    }
}

/// Whether two documents say the same, whoever says it and whenever it was noted.
fn is_same(a: &Value, b: &Value) -> bool {
    let stripped = |it: &Value| {
        let mut it = it.clone();
        if let Some(metadata) = it["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
            metadata.remove("managedFields");
        }
        if it["status"].is_null()
            && let Some(fields) = it.as_object_mut()
        {
            fields.remove("status");
        }
        it
    };
    stripped(a) == stripped(b)
}

fn refuse_patch(error: &PatchError) -> Status {
    match error {
        PatchError::BadRequest(it) => Status::bad_request(it.clone()),
        PatchError::Internal(it) => Status::internal_error(it),
        PatchError::TooLarge(it) => {
            Status::failure(StatusReason::RequestEntityTooLarge, it.clone())
        }
        PatchError::Unprocessable(it) => {
            let mut status = Status::failure(StatusReason::Invalid, UNPROCESSABLE);
            let details = status.details.get_or_insert_default();
            details.causes = vec![StatusCause {
                message: it.clone(),
                ..StatusCause::default()
            }];
            status
        }
    }
}

fn refuse_apply(error: &ApplyError) -> Status {
    match error {
        ApplyError::BadRequest(it) => Status::bad_request(it.clone()),
        ApplyError::Untyped { .. } => Status::internal_error(&error.to_string()),
        ApplyError::Conflicts(conflicts) => {
            let causes = conflicts.iter().map(|it| StatusCause {
                reason: "FieldManagerConflict".to_owned(),
                message: it.cause(),
                field: it.path.to_string(),
            });
            Status::apply_conflict(causes.collect(), error.to_string())
        }
    }
}
