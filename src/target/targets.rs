//! What is locked together.

use super::{Identity, Target, Whereabouts, refresh};
use crate::error::Error;
use crate::request::{Locking, Place, Places};
use crate::sys;
use rustix::fs::{AtFlags, OFlags};
use rustix::io::Errno;
use rustix::process;
use std::ffi::CStr;

/// All that is locked together; nothing at first.
#[derive(Default)]
pub struct Targets {
    /// In the order in which they are locked. Each is another file.
    pub all: Vec<Target>,
    /// The files to be removed, as they are named: whether each is still there matters.
    /// None if they stay.
    passing: Vec<&'static CStr>,
    /// Which files they were, until all of them are opened anew.
    before: Vec<Identity>,
}

impl Targets {
    /// Opens the files, in the order in which they are named. If one of them cannot be opened,
    /// it is as if only those before it had been named.
    pub fn open(&mut self, places: &Places, locking: &Locking) -> Result<(), Error> {
        self.all.push(Target::open(places.first, locking)?);
        if !places.also.is_empty() {
            // Or else one of the files could be opened in the place of a closed descriptor.
            self.all.iter().try_for_each(Target::check_open)?;
        }
        if let (Place::File(name), true) = (places.first, places.remove) {
            self.passing.push(name);
        }
        for name in &places.also {
            open_more(&mut self.all, &[name], (locking, OFlags::empty()))?;
            self.passing.extend(places.remove.then_some(name));
        }
        Ok(())
    }

    /// Which of the files, if they are to be removed, is not the one any more to which its
    /// name leads, and where that leads.
    ///
    /// # Errors
    /// The name leads nowhere in such a way that it could not be opened, either.
    pub fn stale(&self) -> Result<Option<(usize, Whereabouts)>, Error> {
        if !self.passing.is_empty() {
            for (index, target) in self.all.iter().enumerate() {
                let where_to = target.whereabouts()?;
                if where_to != Whereabouts::Here {
                    return Ok(Some((index, where_to)));
                }
            }
        }
        Ok(None)
    }

    /// The files to be removed, as they are named.
    pub fn passing(&self) -> &[&'static CStr] {
        &self.passing
    }

    /// Whether a file is, or was, one of these.
    pub fn opened(&self, file: Identity) -> bool {
        self.before.contains(&file) || self.all.iter().any(|one| one.identity() == Some(file))
    }

    /// Makes the names of the files to be removed independent of the working directory.
    pub fn name_absolutely(&mut self) -> Result<(), Errno> {
        for name in self.passing.iter_mut().filter(|name| !name.to_bytes().starts_with(b"/")) {
            let directory = process::getcwd(Vec::new())?;
            let path = [directory.to_bytes(), b"/", name.to_bytes_with_nul()].concat();
            // It lives as long as the other names: as long as the process.
            *name = CStr::from_bytes_until_nul(path.leak()).unwrap_or(name);
        }
        Ok(())
    }

    /// Closes all of it, the caller's descriptors as well.
    pub fn close(&self) {
        self.all.iter().for_each(|target| sys::close(target.number));
    }

    /// Opens the files that are to be removed anew. Descriptors get the same numbers.
    ///
    /// What has taken the place of one may be a FIFO, for whose other end who does not wait
    /// for a lock does not wait, either.
    pub fn renew(&mut self, locking: &Locking) -> Result<(), Error> {
        self.before.extend(self.all.iter().filter_map(Target::identity));
        self.close();
        self.all.clear();
        for name in &self.passing {
            // With the file closed, this has a stale name looked up anew.
            refresh(name, AtFlags::empty());
        }
        let waiting = if locking.waits() { OFlags::empty() } else { OFlags::NONBLOCK };
        open_more(&mut self.all, &self.passing, (locking, waiting))?;
        self.before.clear();
        Ok(())
    }

    /// Puts the files into an order that is the same for everybody, and each there once:
    /// after one has been opened again, for its name may lead elsewhere by now.
    pub fn arrange(&mut self) {
        arrange(&mut self.all);
    }
}

fn open_more(
    all: &mut Vec<Target>,
    names: &[&'static CStr],
    (locking, waiting): (&Locking, OFlags),
) -> Result<(), Error> {
    for name in names {
        all.push(Target::open_file(name, locking, waiting)?);
        // One that is there twice is closed before the next is opened, which leaves no gap
        // between the numbers.
        arrange(all);
    }
    Ok(())
}

fn arrange(all: &mut Vec<Target>) {
    if all.len() > 1 {
        // Of those that are the same, a descriptor of the caller's stays, or else the lowest.
        let mut sorted = Vec::new();
        for target in all.drain(..) {
            let key = (target.identity(), target.name.is_some(), target.number);
            let place = sorted.partition_point(|(other, _)| *other < key);
            sorted.insert(place, (key, target));
        }
        sorted.dedup_by(|((later, ..), target), ((first, ..), _)| {
            let is_twice = first.is_some() && later == first;
            if is_twice {
                sys::close(target.number);
            }
            is_twice
        });
        all.extend(sorted.into_iter().map(|(_, target)| target));
    }
}
