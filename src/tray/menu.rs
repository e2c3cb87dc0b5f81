//! The icon, its tooltip and its menu, as the panel asks for them.

use super::icon::icons;
use super::view::{Glance, View, details, headline, wrapped};
use ksni::menu::{CheckmarkItem, Disposition, MenuItem, RadioGroup, RadioItem, StandardItem, SubMenu};
use ksni::{Category, Icon, OfflineReason, ToolTip};
use tokio::sync::mpsc::UnboundedSender;

/// What the user asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    Profile(String),
    Avatar(String),
    /// What is behind the avatar.
    Background(String),
    Intensity(f64),
    Muted(bool),
    CameraOn(bool),
    /// The user's own expression.
    Mirror(bool),
    /// The daemon's start and end.
    Start,
    Quit,
    /// The icon goes; the camera stays.
    Close,
    /// The panel that shows icons came or went.
    Host(bool),
}

/// The intensities to choose from, in percent.
const INTENSITIES: [u32; 5] = [0, 50, 100, 150, 200];

/// The backgrounds to choose from; the last is what apps that cut people out look for.
const BACKGROUNDS: [(&str, &str); 6] = [
    ("plate", "The avatar's own"),
    ("blur", "Blurred"),
    ("#d9d4cc", "Light"),
    ("#5c6670", "Grey"),
    ("#1f2a38", "Dark blue"),
    ("#00b140", "Green screen"),
];

pub struct Item {
    /// None: the daemon does not run.
    view: Option<View>,
    icons: Vec<Icon>,
    /// What went wrong with the last action.
    trouble: Option<String>,
    actions: UnboundedSender<Action>,
}

impl Item {
    pub fn new(view: Option<View>, actions: UnboundedSender<Action>) -> Self {
        Self { icons: icons(Glance::of(view.as_ref())), view, trouble: None, actions }
    }

    /// Shows the daemon as it is now.
    pub fn show(&mut self, view: Option<View>) {
        if Glance::of(view.as_ref()) != Glance::of(self.view.as_ref()) {
            self.icons = icons(Glance::of(view.as_ref()));
        }
        self.view = view;
    }

    pub fn tell(&mut self, trouble: Option<String>) {
        self.trouble = trouble;
    }

    fn ask(&self, action: Action) {
        // The receiver goes only when the program ends.
        let _ = self.actions.send(action);
    }

    /// What is wrong, the answer to the last action first.
    fn problems(&self) -> Vec<&str> {
        let known = self.view.iter().flat_map(|v| &v.problems);
        self.trouble.iter().chain(known).map(String::as_str).collect()
    }
}

impl ksni::Tray for Item {
    // There is nothing to open but the menu.
    const MENU_ON_ACTIVATE: bool = true;

    fn id(&self) -> String {
        "vasa-camera".into()
    }

    fn title(&self) -> String {
        "VASA Camera".into()
    }

    fn category(&self) -> Category {
        Category::Hardware
    }

    fn icon_pixmap(&self) -> Vec<Icon> {
        self.icons.clone()
    }

    fn tool_tip(&self) -> ToolTip {
        let title = format!("VASA Camera: {}", headline(self.view.as_ref()));
        ToolTip { title, description: details(self.view.as_ref()), ..ToolTip::default() }
    }

    /// The middle button: the one thing that is wanted in a hurry.
    fn secondary_activate(&mut self, _x: i32, _y: i32) {
        if let Some(view) = &self.view {
            self.ask(Action::Muted(!view.muted));
        }
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        let mut menu = vec![text(&headline(self.view.as_ref()))];
        menu.extend(problems(&self.problems()));
        menu.push(MenuItem::Separator);
        match &self.view {
            None => menu.push(button("Start the camera", Action::Start)),
            Some(view) => {
                menu.extend(running(view));
                menu.push(button("Quit VASA Camera", Action::Quit));
            }
        }
        menu.push(button("Close this icon", Action::Close));
        menu
    }

    fn watcher_online(&self) {
        self.ask(Action::Host(true));
    }

    fn watcher_offline(&self, reason: OfflineReason) -> bool {
        tracing::debug!("no panel: {reason:?}");
        self.ask(Action::Host(false));
        true
    }
}

/// The part of the menu that needs the daemon.
fn running(view: &View) -> Vec<MenuItem<Item>> {
    let mut menu = Vec::new();
    if !view.profiles.is_empty() {
        menu.extend([radio(&view.profiles, &view.profile, Action::Profile), MenuItem::Separator]);
    }
    if let Some(avatars) = view.avatars.as_ref().filter(|a| !a.available.is_empty()) {
        menu.push(submenu("Avatar", vec![radio(&avatars.available, &avatars.active, Action::Avatar)]));
        if let Some(background) = &avatars.background {
            menu.push(submenu("Background", vec![radio(&backgrounds(background), background, Action::Background)]));
        }
    }
    let levels = INTENSITIES.map(|percent| (percent.to_string(), format!("{percent} %")));
    let now = format!("{}", (view.intensity * 100.0).round());
    let intensity = |percent: String| Action::Intensity(percent.parse().unwrap_or(100.0) / 100.0);
    menu.push(submenu("Intensity", vec![radio(&levels, &now, intensity)]));
    menu.push(check("Mute", view.muted, Action::Muted(!view.muted)));
    menu.push(check("Camera on", view.camera_on, Action::CameraOn(!view.camera_on)));
    if let Some(mirror) = view.mirror {
        menu.push(check("Mirror my face", mirror.on, Action::Mirror(!mirror.on)));
    }
    menu.push(MenuItem::Separator);
    menu
}

/// What can be chosen, and what is chosen where it is something else: a colour or a picture of the user's.
fn backgrounds(now: &str) -> Vec<(String, String)> {
    let mut all: Vec<_> = BACKGROUNDS.map(|(name, label)| (name.to_owned(), label.to_owned())).into();
    if !all.iter().any(|(name, _)| name == now) {
        let label = now.rsplit('/').next().unwrap_or(now).chars().filter(|c| !c.is_control()).take(40).collect();
        all.push((now.to_owned(), label));
    }
    all
}

fn problems(all: &[&str]) -> Option<MenuItem<Item>> {
    let title = match all.len() {
        0 => return None,
        1 => "1 problem".to_owned(),
        n => format!("{n} problems"),
    };
    let mut lines = Vec::new();
    for (i, problem) in all.iter().enumerate() {
        if i > 0 {
            lines.push(MenuItem::Separator);
        }
        lines.extend(wrapped(problem).iter().map(|line| text(line)));
    }
    let menu = SubMenu { label: title, disposition: Disposition::Warning, submenu: lines, ..SubMenu::default() };
    Some(menu.into())
}

/// An underscore would mark the next letter as a key.
fn plain(label: &str) -> String {
    label.replace('_', "__")
}

fn text(label: &str) -> MenuItem<Item> {
    StandardItem { label: plain(label), enabled: false, ..StandardItem::default() }.into()
}

fn button(label: &str, action: Action) -> MenuItem<Item> {
    let activate = Box::new(move |item: &mut Item| item.ask(action.clone()));
    StandardItem { label: plain(label), activate, ..StandardItem::default() }.into()
}

fn check(label: &str, checked: bool, action: Action) -> MenuItem<Item> {
    let activate = Box::new(move |item: &mut Item| item.ask(action.clone()));
    CheckmarkItem { label: plain(label), checked, activate, ..CheckmarkItem::default() }.into()
}

fn submenu(label: &str, submenu: Vec<MenuItem<Item>>) -> MenuItem<Item> {
    SubMenu { label: plain(label), submenu, ..SubMenu::default() }.into()
}

/// One of several (name, label); none is marked where `active` is not among them.
fn radio(all: &[(String, String)], active: &str, action: impl Fn(String) -> Action + Send + 'static) -> MenuItem<Item> {
    let names: Vec<String> = all.iter().map(|(name, _)| name.clone()).collect();
    let options = all.iter().map(|(_, label)| RadioItem { label: plain(label), ..RadioItem::default() }).collect();
    let selected = names.iter().position(|n| n == active).unwrap_or(usize::MAX);
    let select = Box::new(move |item: &mut Item, index: usize| {
        if let Some(name) = names.get(index) {
            item.ask(action(name.clone()));
        }
    });
    RadioGroup { selected, select, options }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tray::view::Avatars;
    use ksni::Tray;
    use tokio::sync::mpsc::unbounded_channel;

    fn view() -> View {
        let pair = |name: &str, label: &str| (name.to_owned(), label.to_owned());
        View {
            state: "idle".into(),
            camera_on: true,
            profiles: vec![pair("calm", "Calm"), pair("happy_one", "Happy_one")],
            profile: "happy_one".into(),
            intensity: 1.5,
            avatars: Some(Avatars {
                available: vec![pair("anna", "Anna"), pair("kofi", "Kofi")],
                active: "kofi".into(),
                background: Some("/home/me/my_room.jpg".into()),
            }),
            problems: vec!["there is no microphone; connect one".into()],
            ..View::default()
        }
    }

    /// The menu in lines, nested ones indented; what is marked has a star.
    fn lines(menu: &[MenuItem<Item>], indent: usize) -> Vec<String> {
        let line = |label: &str, marked: bool| format!("{:indent$}{}{label}", "", if marked { "*" } else { "" });
        let mut out = Vec::new();
        for item in menu {
            match item {
                MenuItem::Standard(i) => out.push(line(&i.label, false)),
                MenuItem::Checkmark(i) => out.push(line(&i.label, i.checked)),
                MenuItem::RadioGroup(g) => {
                    out.extend(g.options.iter().enumerate().map(|(i, o)| line(&o.label, i == g.selected)));
                }
                MenuItem::SubMenu(s) => {
                    out.push(line(&s.label, false));
                    out.extend(lines(&s.submenu, indent + 2));
                }
                MenuItem::Separator => out.push(line("-", false)),
            }
        }
        out
    }

    #[test]
    fn the_menu_shows_everything_with_the_present_state_marked() {
        let (sender, _receiver) = unbounded_channel();
        let mut item = Item::new(Some(view()), sender);
        let shown = [
            "Nobody watches",
            "1 problem",
            "  there is no microphone; connect one",
            "-",
            "Calm",
            "*Happy__one",
            "-",
            "Avatar",
            "  Anna",
            "  *Kofi",
            "Background",
            "  The avatar's own",
            "  Blurred",
            "  Light",
            "  Grey",
            "  Dark blue",
            "  Green screen",
            "  *my__room.jpg",
            "Intensity",
            "  0 %",
            "  50 %",
            "  100 %",
            "  *150 %",
            "  200 %",
            "Mute",
            "*Camera on",
            "-",
            "Quit VASA Camera",
            "Close this icon",
        ];
        assert_eq!(lines(&item.menu(), 0), shown);
        item.show(None);
        item.tell(Some("D-Bus cannot start it".into()));
        let stopped = [
            "The camera does not run",
            "1 problem",
            "  D-Bus cannot start it",
            "-",
            "Start the camera",
            "Close this icon",
        ];
        assert_eq!(lines(&item.menu(), 0), stopped);
    }

    #[test]
    fn a_click_asks_for_what_it_says() {
        let (sender, mut receiver) = unbounded_channel();
        let mut item = Item::new(Some(view()), sender);
        let mut asked = |item: &mut Item, menu: Vec<MenuItem<Item>>| {
            for entry in menu {
                match entry {
                    MenuItem::Standard(i) if i.enabled => (i.activate)(item),
                    MenuItem::Checkmark(i) => (i.activate)(item),
                    MenuItem::RadioGroup(g) => (g.select)(item, 0),
                    MenuItem::SubMenu(s) => {
                        for inner in s.submenu {
                            if let MenuItem::RadioGroup(g) = inner {
                                (g.select)(item, 1);
                            }
                        }
                    }
                    _ => (),
                }
            }
            std::iter::from_fn(|| receiver.try_recv().ok()).collect::<Vec<_>>()
        };
        let menu = item.menu();
        let all = [
            Action::Profile("calm".into()),
            Action::Avatar("kofi".into()),
            Action::Background("blur".into()),
            Action::Intensity(0.5),
            Action::Muted(true),
            Action::CameraOn(false),
            Action::Quit,
            Action::Close,
        ];
        assert_eq!(asked(&mut item, menu), all);
        item.secondary_activate(0, 0);
        assert_eq!(asked(&mut item, Vec::new()), [Action::Muted(true)]);
        item.show(None);
        let menu = item.menu();
        assert_eq!(asked(&mut item, menu), [Action::Start, Action::Close]);
    }

    #[test]
    fn a_daemon_without_avatars_shows_no_such_submenu_and_an_odd_intensity_marks_none() {
        let (sender, _receiver) = unbounded_channel();
        let item = Item::new(Some(View { avatars: None, intensity: 0.8, problems: Vec::new(), ..view() }), sender);
        let shown = lines(&item.menu(), 0);
        assert!(
            !shown.contains(&"Avatar".to_owned()) && !shown.iter().any(|l| l.contains("* %") || l.contains("problem"))
        );
        assert!(!shown.iter().any(|l| l.starts_with("  *")), "{shown:?}");
    }
}
