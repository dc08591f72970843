//! What a store gives the Services of a dump that they leave open: addresses, families, node ports.
//!
//! **Left out**: refusing anything: a dump is taken as it is, and what is doubtful about it is complained about.

use super::{Store, service};
use crate::api::{Complaint, Kind, Object, ObjectRef, Service};
use std::sync::Arc;

impl Store {
    /// Claims what the Services hold, and gives them what they leave open. What two of them claim is complained about.
    pub fn complete(&mut self) -> Vec<(ObjectRef, Complaint)> {
        let services: Vec<Arc<Service>> = self.objects().services.values().cloned().collect();
        let mut complaints = Vec::new();
        self.reset_allocators();
        for it in &services {
            let reference = Object::from(it.clone()).reference();
            let found = service::adopt(it, self.allocators_mut());
            complaints.extend(found.into_iter().map(|it| (reference.clone(), it)));
        }
        for it in services {
            let reference =
                ObjectRef::new(Kind::Service, &it.metadata.namespace, &it.metadata.name);
            let mut completed = Service::clone(&it);
            let found = self.complete_service(&mut completed);
            complaints.extend(found.into_iter().map(|it| (reference.clone(), it)));
            if completed != *it {
                self.replace_spec(&completed.into());
            }
        }
        complaints
    }
}
