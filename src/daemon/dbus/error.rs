//! The errors of the contract: `org.vasacamera.VasaCamera1.Error.*`.

use crate::daemon::view::Refusal;
use zbus::fdo;

#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.vasacamera.VasaCamera1.Error")]
pub enum Error {
    #[zbus(error)]
    ZBus(zbus::Error),
    InvalidArgument(String),
    NotFound(String),
    NotReady(String),
    NotPermitted(String),
    Failed(String),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::InvalidArgument(m) => Error::InvalidArgument(m),
            Refusal::NotFound(m) => Error::NotFound(m),
            Refusal::NotReady(m) => Error::NotReady(m),
            Refusal::NotPermitted(m) => Error::NotPermitted(m),
            Refusal::Failed(m) => Error::Failed(m),
        }
    }
}

/// zbus wants this of setters; our own `Properties` interface answers before it is ever needed on the wire.
impl From<Error> for fdo::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::ZBus(e) => fdo::Error::ZBus(e),
            Error::InvalidArgument(m) => fdo::Error::InvalidArgs(m),
            Error::NotFound(m) | Error::NotReady(m) | Error::NotPermitted(m) | Error::Failed(m) => {
                fdo::Error::Failed(m)
            }
        }
    }
}

/// An error of the contract, or one of D-Bus's own (unknown interface, unknown or read-only property).
#[derive(Debug)]
pub enum PropertyError {
    Ours(Error),
    Standard(fdo::Error),
}

impl From<Error> for PropertyError {
    fn from(e: Error) -> Self {
        Self::Ours(e)
    }
}

impl From<fdo::Error> for PropertyError {
    fn from(e: fdo::Error) -> Self {
        Self::Standard(e)
    }
}

impl zbus::DBusError for PropertyError {
    fn create_reply(&self, call: &zbus::message::Header<'_>) -> zbus::Result<zbus::Message> {
        match self {
            Self::Ours(e) => e.create_reply(call),
            Self::Standard(e) => e.create_reply(call),
        }
    }

    fn name(&self) -> zbus::names::ErrorName<'_> {
        match self {
            Self::Ours(e) => e.name(),
            Self::Standard(e) => e.name(),
        }
    }

    fn description(&self) -> Option<&str> {
        match self {
            Self::Ours(e) => e.description(),
            Self::Standard(e) => e.description(),
        }
    }
}
