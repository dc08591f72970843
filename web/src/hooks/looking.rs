//! What is worked out when somebody asks, and again by itself after a change, as long as that is quick; else it is said to be old.

use crate::hooks::clock::now_ms;
use gloo::timers::callback::Timeout;
use std::rc::Rc;
use yew::prelude::*;

/// Looking again takes at most so long, or is not done unasked.
const QUICK_MS: f64 = 30.0;

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked<T> {
    /// It itself.
    pub found: Rc<T>,
    /// Whether what it is about has changed since.
    pub is_old: bool,
    took_ms: f64,
}

/// What was found last, and what looks now. So long after what it is about has changed it looks by itself, while that is wanted.
#[hook]
pub fn use_looking<T: Clone + PartialEq + 'static, D: PartialEq + 'static>(
    look: impl Fn() -> T + 'static,
    about: D,
    after_ms: u32,
    is_wanted: bool,
) -> (Option<Looked<T>>, Rc<dyn Fn()>) {
    let looked = use_state_eq(|| None::<Looked<T>>);
    // Who looks later looks with the newest wishes, not with those of when it was put off.
    let newest = use_mut_ref(|| None::<Rc<dyn Fn() -> T>>);
    *newest.borrow_mut() = Some(Rc::new(look));
    let again: Rc<dyn Fn()> = {
        let looked = looked.setter();
        Rc::new(move || {
            let Some(look) = newest.borrow().clone() else {
                return;
            };
            let begun = now_ms();
            let found = Rc::new(look());
            looked.set(Some(Looked {
                found,
                is_old: false,
                took_ms: now_ms() - begun,
            }));
        })
    };
    {
        let (before, setter) = ((*looked).clone(), looked.setter());
        let again = again.clone();
        use_effect_with(about, move |_| {
            let timer = before.filter(|_| is_wanted).map(|before| {
                Timeout::new(after_ms, move || match before.took_ms < QUICK_MS {
                    true => again(),
                    false => setter.set(Some(Looked {
                        is_old: true,
                        ..before
                    })),
                })
            });
            move || drop(timer)
        });
    }
    ((*looked).clone(), again)
}
