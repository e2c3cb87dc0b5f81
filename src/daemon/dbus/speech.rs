//! `org.vasacamera.VasaCamera1.Speech`: typed text becomes voice.

use super::error::Error;
use crate::daemon::view::{Handle, Request, SayRequest};
use std::collections::HashMap;
use zbus::interface;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::OwnedValue;

pub struct SpeechInterface {
    handle: Handle,
}

impl SpeechInterface {
    pub fn new(handle: Handle) -> Self {
        Self { handle }
    }
}

#[interface(name = "org.vasacamera.VasaCamera1.Speech")]
impl SpeechInterface {
    #[zbus(out_args("id"))]
    async fn say(&self, text: String, options: HashMap<String, OwnedValue>) -> Result<u64, Error> {
        Ok(self.handle.ask(Request::Say(say_request(text, options)?)).await?)
    }

    async fn stop(&self) -> Result<(), Error> {
        Ok(self.handle.ask(Request::StopSpeech).await.map(drop)?)
    }

    #[zbus(property)]
    async fn speaking(&self) -> bool {
        self.handle.now().speaking
    }

    #[zbus(property)]
    async fn voices(&self) -> Vec<(String, String, String)> {
        self.handle.now().voices.clone()
    }

    #[zbus(property)]
    async fn voice(&self) -> String {
        self.handle.now().voice.clone()
    }

    #[zbus(property)]
    pub async fn set_voice(&self, value: String) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetVoice(value)).await.map(drop)?)
    }

    #[zbus(property)]
    async fn rate(&self) -> f64 {
        self.handle.now().rate
    }

    #[zbus(property)]
    pub async fn set_rate(&self, value: f64) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetRate(value)).await.map(drop)?)
    }

    #[zbus(property)]
    async fn composing(&self) -> bool {
        self.handle.now().composing
    }

    #[zbus(property)]
    pub async fn set_composing(&self, value: bool) -> Result<(), Error> {
        Ok(self.handle.ask(Request::SetComposing(value)).await.map(drop)?)
    }

    #[zbus(signal)]
    pub async fn utterance_started(emitter: &SignalEmitter<'_>, id: u64) -> zbus::Result<()>;

    #[zbus(signal)]
    pub async fn utterance_finished(emitter: &SignalEmitter<'_>, id: u64, completed: bool) -> zbus::Result<()>;

    #[zbus(signal)]
    pub async fn caption(emitter: &SignalEmitter<'_>, text: &str, r#final: bool) -> zbus::Result<()>;
}

/// Checks the options' names and types; their values are checked where they are used.
fn say_request(text: String, options: HashMap<String, OwnedValue>) -> Result<SayRequest, Error> {
    let mut request = SayRequest { text, ..SayRequest::default() };
    for (key, value) in options {
        let wrong = |accepted: &str| {
            Error::InvalidArgument(format!(
                "the option \"{key}\" of Say has the type {}; it must be {accepted}",
                value.value_signature()
            ))
        };
        match key.as_str() {
            "voice" => request.voice = Some(String::try_from(value.clone()).map_err(|_| wrong("a string (s)"))?),
            "rate" => request.rate = Some(f64::try_from(value.clone()).map_err(|_| wrong("a double (d) of 0.5 to 2"))?),
            "interrupt" => request.interrupt = bool::try_from(value.clone()).map_err(|_| wrong("a boolean (b)"))?,
            "profile" => request.profile = Some(String::try_from(value.clone()).map_err(|_| wrong("a string (s)"))?),
            _ => {
                return Err(Error::InvalidArgument(format!(
                    "Say has no option \"{key}\"; it knows voice, rate, interrupt and profile"
                )));
            }
        }
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use zbus::zvariant::Value;

    fn option(key: &str, value: Value<'static>) -> HashMap<String, OwnedValue> {
        HashMap::from([(key.to_string(), OwnedValue::try_from(value).unwrap())])
    }

    #[test]
    fn options_of_the_contract_are_taken() {
        let r = say_request("hello".into(), option("rate", Value::from(1.5))).unwrap();
        assert_eq!(r.rate, Some(1.5));
    }

    #[test]
    fn an_unknown_option_and_a_wrong_type_are_refused_by_name() {
        for (options, part) in
            [(option("rat", Value::from(1.5)), "\"rat\""), (option("rate", Value::from("fast")), "\"rate\"")]
        {
            let Err(Error::InvalidArgument(m)) = say_request("hello".into(), options) else { panic!("taken") };
            assert!(m.contains(part), "{m}");
        }
    }
}
