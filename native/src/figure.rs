//! Pictures of one step: which way, which step, and the map it is drawn on.
//!
//! **Left out**: several ways in one picture.

use crate::error::Error;
use packetwalk_core::sim::{Walk, World};
use packetwalk_core::view::{self, Hop, LegName, MapView};

/// The map of a walk, with the address it asks for as a ghost.
pub(crate) fn map_of(world: &World, walk: &Walk) -> MapView {
    let asked = walk.steps.first().map(|it| {
        let packet = &it.before;
        (packet.destination, packet.destination_port())
    });
    view::map(world, &walk.from, asked, view::Layout::Wide)
}

/// Which hop a picture shows, counted from zero: the one asked for, or the last of the request.
pub(crate) fn position(hops: &[Hop], step: Option<usize>) -> Result<usize, Error> {
    let turn = hops.iter().rposition(|it| it.leg == LegName::Request);
    match step {
        None => Ok(turn.unwrap_or_default()),
        Some(number) if (1..=hops.len()).contains(&number) => Ok(number - 1),
        Some(number) => Err(Error::Input(format!(
            "--step {number}: this walk has steps 1 to {}",
            hops.len()
        ))),
    }
}
