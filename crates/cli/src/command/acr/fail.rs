//! Errors of Alibaba Cloud, and what the user can do about them.

use providers::alibaba::{Error, ErrorKind};

use crate::args::AcrRegistryArgs;
use crate::diagnostic::with_sources;
use crate::exit_code;
use crate::output::{Paint, say_lines};

/// Prints the error in Alibaba Cloud's words, and what to do; returns the exit status.
pub(super) fn fail(error: &Error, args: &AcrRegistryArgs) -> u8 {
    let text = with_sources(error);
    say_lines(&format!("{}: {text}\n  next: {}", Paint::for_stderr().red("error"), hint(error, args)));
    if error.kind().concerns_key() { exit_code::ALL_REFUSED } else { exit_code::ALL_FAILED }
}

fn hint(error: &Error, args: &AcrRegistryArgs) -> String {
    let host = &args.host;
    match error.kind() {
        ErrorKind::NoKey => "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET to a RAM user's access key, or mend the source above".to_owned(),
        ErrorKind::InvalidKey => "check the access key's id, and in the RAM console that the key is there and enabled".to_owned(),
        ErrorKind::WrongSecret => "check the access key's secret: it does not belong to this id".to_owned(),
        ErrorKind::ExpiredToken => "get a new temporary key (STS) from wherever this one came from".to_owned(),
        ErrorKind::ClockSkew => "set this machine's clock: Alibaba Cloud takes calls that are at most 15 minutes old".to_owned(),
        ErrorKind::NoPermission => "attach what `image-syncer acr policy --instance ID --namespace NAME --with-setup` prints to the RAM user or role".to_owned(),
        ErrorKind::NotFound => format!("check instance, region and namespace: `{host}` may belong to another account or region"),
        ErrorKind::Throttled | ErrorKind::Unavailable => "run the same command again later".to_owned(),
        ErrorKind::Network => "check that this machine reaches that host, also through its proxy; --endpoint names another one, such as cr-vpc.REGION.aliyuncs.com inside a VPC".to_owned(),
        _ => match error {
            Error::NotAlibaba { .. } => format!("check that `{host}` is the registry's host; where it cannot be asked, name --instance and --region"),
            _ => "look up the code in Alibaba Cloud's documentation, or give the RequestId to its support".to_owned(),
        },
    }
}
