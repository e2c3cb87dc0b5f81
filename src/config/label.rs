//! How the label looks that every picture carries. That it is there is no setting.

use serde::Deserialize;

/// The corner in which the label stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Corner {
    #[default]
    BottomRight,
    BottomLeft,
    TopLeft,
    TopRight,
}

impl Corner {
    pub const ALL: [Corner; 4] = [Corner::BottomRight, Corner::BottomLeft, Corner::TopLeft, Corner::TopRight];
}

/// The colours of the label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelStyle {
    /// White letters on a dark ground.
    #[default]
    Dark,
    /// Dark letters on a light ground.
    Light,
    /// As dark, with a light rim.
    Outline,
}

impl LabelStyle {
    pub const ALL: [LabelStyle; 3] = [LabelStyle::Dark, LabelStyle::Light, LabelStyle::Outline];
}

/// The table `[label]` of the settings file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LabelSettings {
    pub corner: Corner,
    pub style: LabelStyle,
}
