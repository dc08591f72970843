//! Create.
//!
//! `staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go` and `rest/create.go` of Kubernetes 1.36; the
//! namespace is looked for as the admission plugin `NamespaceLifecycle` does.
//!
//! **Left out**: what the pages above name.

use super::super::service;
use super::asked::{Asked, Outcome};
use super::request::Done;
use super::strategy;
use crate::api::{
    IngressClass, Kind, Object, ObjectRef, Service, Status, StatusCause, StatusDetails,
    StatusReason,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// How Ingresses named their class once.
const CLASS: &str = "kubernetes.io/ingress.class";

/// What a server gives every object, whatever the client says.
const SYSTEM_FIELDS: [&str; 5] = [
    "uid",
    "creationTimestamp",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

impl Asked<'_> {
    /// Makes an object; its owners are noted on the way.
    pub(super) fn create(&mut self, document: Value) -> Outcome {
        let document = self.defaulted(document)?;
        let document = self.owned(None, &document);
        self.create_as_owned(document)
    }

    /// Makes an object whose owners are noted already.
    pub(super) fn create_as_owned(&mut self, mut document: Value) -> Outcome {
        let mut reference = self.place(&mut document)?;
        if let Some(metadata) = document["metadata"].as_object_mut() {
            metadata.retain(|name, _| !SYSTEM_FIELDS.contains(&name.as_str()));
        }
        let prefix = document["metadata"]["generateName"]
            .as_str()
            .unwrap_or_default();
        if reference.name.is_empty() && !prefix.is_empty() {
            let name = self.store.generated_name(&reference, prefix);
            reference.name = name.ok_or_else(|| Status::already_exists(self.resource(), prefix))?;
            document["metadata"]["name"] = reference.name.clone().into();
        }
        let service = self.admit_new(&mut document)?;
        if let Err(refusal) = self.refuse_taken(&reference, &document) {
            if let Some(service) = service
                && !self.options().dry_run
            {
                service::delete(&service, self.store.allocators_mut());
            }
            return Err(refusal);
        }
        if let Some(metadata) = document["metadata"].as_object_mut() {
            metadata.remove("generation");
        }
        self.keep(&document, Done::Created)
    }

    /// Prepares and checks a new object. A Service has addresses after that.
    fn admit_new(&mut self, document: &mut Value) -> Result<Option<Service>, Status> {
        strategy::prepare_new(self.request.kind, document);
        if self.request.kind == Kind::Ingress {
            self.choose_class(document);
        }
        let Object::Service(service) = self.typed(document)? else {
            self.check(document, None)?;
            return Ok(None);
        };
        let mut service = Arc::unwrap_or_clone(service);
        let rules = self.store.rules();
        let dry_run = self.dry_run();
        let (allocators, luck) = self.store.allocators_and_luck();
        let warnings = service::create(&mut service, &rules, allocators, luck, dry_run)?;
        self.warnings.extend(warnings);
        document["spec"] = Object::from(service.clone()).document()["spec"].take();
        document["status"] = json!({"loadBalancer": {}});
        Ok(Some(service))
    }

    /// An Ingress without a class gets the default one; of several the youngest.
    fn choose_class(&self, ingress: &mut Value) {
        let annotated = &ingress["metadata"]["annotations"][CLASS];
        if !ingress["spec"]["ingressClassName"].is_null() || !annotated.is_null() {
            return;
        }
        let classes = self.store.objects().ingress_classes.values();
        let defaults = classes.filter(|it| {
            let told = it.metadata.annotations.get(IngressClass::DEFAULT);
            told.is_some_and(|it| it == "true")
        });
        let youngest = defaults.max_by(|a, b| {
            let age = a
                .metadata
                .creation_timestamp
                .cmp(&b.metadata.creation_timestamp);
            age.then_with(|| b.metadata.name.cmp(&a.metadata.name))
        });
        if let Some(class) = youngest {
            ingress["spec"]["ingressClassName"] = class.metadata.name.clone().into();
        }
    }

    fn refuse_taken(&self, reference: &ObjectRef, document: &Value) -> Result<(), Status> {
        let told = &document["metadata"]["resourceVersion"];
        if told.as_str().is_some_and(|it| !it.is_empty() && it != "0") {
            return Err(Status {
                code: 500,
                reason: None,
                message: "resourceVersion should not be set on objects to be created".to_owned(),
                details: None,
            });
        }
        let Some(live) = self.store.document(reference) else {
            return Ok(());
        };
        let mut refusal = Status::already_exists(self.resource(), &reference.name);
        if !live["metadata"]["deletionTimestamp"].is_null() {
            refusal.message = format!("object is being deleted: {}", refusal.message);
        }
        Err(refusal)
    }

    /// Where a new object goes: its namespace must be there, and not be going.
    fn place(&self, document: &mut Value) -> Result<ObjectRef, Status> {
        let kind = self.request.kind;
        let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
        let told = text(&document["metadata"]["namespace"]);
        let namespace = match (kind.is_namespaced(), self.request.namespace.as_str()) {
            (false, _) => String::new(),
            (true, "") if told.is_empty() => "default".to_owned(),
            (true, "") => told.clone(),
            (true, namespace) => namespace.to_owned(),
        };
        if !told.is_empty() && told != namespace {
            return Err(Status::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        let mut name = text(&document["metadata"]["name"]);
        if kind.is_namespaced() {
            document["metadata"]["namespace"] = namespace.clone().into();
            self.look_for_namespace(&namespace, &name)?;
        }
        if name.is_empty() && !self.request.name.is_empty() {
            name.clone_from(&self.request.name);
            document["metadata"]["name"] = name.clone().into();
        }
        Ok(ObjectRef::new(kind, &namespace, &name))
    }

    fn look_for_namespace(&self, namespace: &str, name: &str) -> Result<(), Status> {
        let Some(it) = self.store.objects().namespaces.get(namespace) else {
            return Err(Status::not_found(("", "namespaces"), namespace));
        };
        if it.metadata.deletion_timestamp.is_none() {
            return Ok(());
        }
        let why = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        let mut refusal = Status::forbidden(self.resource(), name, &why);
        debug_assert_eq!(refusal.reason, Some(StatusReason::Forbidden));
        let details = refusal
            .details
            .get_or_insert_with(|| Box::new(StatusDetails::default()));
        details.causes.push(StatusCause {
            reason: "NamespaceTerminating".to_owned(),
            message: format!("namespace {namespace} is being terminated"),
            field: "metadata.namespace".to_owned(),
        });
        Err(refusal)
    }
}
