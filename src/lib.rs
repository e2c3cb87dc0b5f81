//! VASA Camera: sound or typed text in at one end, a talking face out at the other, as a webcam.
//!
//! The flow is one way: `sound`/`speech` → `motion` → `face` → `render` → `mark` → `camera`. A room knows the rooms before it
//! by their types only, never the rooms after it; `daemon` and `cli` alone know them all. `docs/architecture.md` has the map.

pub mod assets;
pub mod avatar;
pub mod calendar;
pub mod camera;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod doctor;
pub mod face;
pub mod hex;
pub mod identity;
pub mod listen;
pub mod mark;
pub mod microphone;
pub mod mirror;
pub mod motion;
mod picture;
pub mod protobuf;
pub mod render;
pub mod sound;
pub mod speech;
mod stream;
pub mod tray;
pub mod vision;
