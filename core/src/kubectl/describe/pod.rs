//! Pods, and what workloads make them of.
//!
//! **Left out**: volumes of other kinds than the usual ones; scheduling by topology.

use super::super::object::{at, items, name, namespace, shown, text, texts};
use super::sheet::Sheet;
use serde_json::Value;

pub(super) fn pod(sheet: &mut Sheet<'_>, it: &Value) {
    // The lines of the sheet in their order: taken apart, nobody could read what it looks like.
    let (spec, status) = (&it["spec"], &it["status"]);
    sheet.field("Name", name(it));
    sheet.field("Namespace", namespace(it));
    if !spec["priority"].is_null() {
        sheet.field("Priority", &shown(&spec["priority"]));
    }
    for (title, field) in [
        ("Priority Class Name", "priorityClassName"),
        ("Runtime Class Name", "runtimeClassName"),
        ("Service Account", "serviceAccountName"),
    ] {
        if !text(spec, &[field]).is_empty() {
            sheet.field(title, text(spec, &[field]));
        }
    }
    match text(spec, &["nodeName"]) {
        "" => sheet.field("Node", "<none>"),
        node => sheet.field("Node", &format!("{node}/{}", text(status, &["hostIP"]))),
    }
    if !text(status, &["startTime"]).is_empty() {
        sheet.field("Start Time", &Sheet::date(text(status, &["startTime"])));
    }
    sheet.labels("Labels", at(it, &["metadata", "labels"]));
    sheet.annotations("Annotations", at(it, &["metadata", "annotations"]));
    let phase = text(status, &["phase"]);
    let deletion = at(it, &["metadata", "deletionTimestamp"]);
    if deletion.is_null() || matches!(phase, "Failed" | "Succeeded") {
        sheet.field("Status", phase);
    } else {
        let lasts = sheet.since(deletion);
        sheet.field("Status", &format!("Terminating (lasts {lasts})"));
        let grace = shown(at(it, &["metadata", "deletionGracePeriodSeconds"]));
        sheet.field(
            "Termination Grace Period",
            &format!("{}s", if grace.is_empty() { "0" } else { &grace }),
        );
    }
    for (title, field) in [("Reason", "reason"), ("Message", "message")] {
        if !text(status, &[field]).is_empty() {
            sheet.field(title, text(status, &[field]));
        }
    }
    sheet.field("IP", text(status, &["podIP"]));
    let ips = items(&status["podIPs"]);
    if ips.is_empty() {
        sheet.field("IPs", "<none>");
    } else {
        sheet.put("IPs:\n");
    }
    for ip in ips {
        sheet.field("  IP", text(ip, &["ip"]));
    }
    sheet.controlled_by(it);
    if !text(status, &["nominatedNodeName"]).is_empty() {
        sheet.field("NominatedNodeName", text(status, &["nominatedNodeName"]));
    }
    if !items(&spec["initContainers"]).is_empty() {
        containers(
            sheet,
            "Init Containers",
            &spec["initContainers"],
            Some(&status["initContainerStatuses"]),
        );
    }
    containers(
        sheet,
        "Containers",
        &spec["containers"],
        Some(&status["containerStatuses"]),
    );
    rest(sheet, it);
}

/// What comes after the containers.
fn rest(sheet: &mut Sheet<'_>, it: &Value) {
    let (spec, status) = (&it["spec"], &it["status"]);
    let conditions = items(&status["conditions"]);
    let gates = items(&spec["readinessGates"]);
    if !gates.is_empty() {
        sheet.put("Readiness Gates:\n  Type\tStatus\n");
    }
    for gate in gates {
        let kind = text(gate, &["conditionType"]);
        let found = conditions.iter().find(|it| it["type"] == kind);
        let state = found.map_or("<none>", |it| text(it, &["status"]));
        sheet.put(&format!("  {kind} \t{state} \n"));
    }
    if !conditions.is_empty() {
        sheet.put("Conditions:\n  Type\tStatus\n");
    }
    for condition in conditions {
        let (kind, state) = (text(condition, &["type"]), text(condition, &["status"]));
        sheet.put(&format!("  {kind} \t{state} \n"));
    }
    volumes(sheet, &spec["volumes"], "");
    let class = match text(status, &["qosClass"]) {
        "" => "BestEffort",
        class => class,
    };
    sheet.field("QoS Class", class);
    sheet.labels("Node-Selectors", &spec["nodeSelector"]);
    let tolerations = items(&spec["tolerations"]);
    sheet.lines("Tolerations", tolerations.iter().map(toleration));
    sheet.events(it);
}

/// A template of pods, two blanks in.
pub(super) fn template(sheet: &mut Sheet<'_>, it: &Value) {
    let spec = &it["spec"];
    sheet.put("Pod Template:\n");
    sheet.labels("  Labels", at(it, &["metadata", "labels"]));
    if at(it, &["metadata", "annotations"])
        .as_object()
        .is_some_and(|it| !it.is_empty())
    {
        sheet.annotations("  Annotations", at(it, &["metadata", "annotations"]));
    }
    if !text(spec, &["serviceAccountName"]).is_empty() {
        sheet.field("  Service Account", text(spec, &["serviceAccountName"]));
    }
    if !items(&spec["initContainers"]).is_empty() {
        containers(sheet, "  Init Containers", &spec["initContainers"], None);
    }
    containers(sheet, "  Containers", &spec["containers"], None);
    volumes(sheet, &spec["volumes"], "  ");
    sheet.labels("  Node-Selectors", &spec["nodeSelector"]);
    let tolerations = items(&spec["tolerations"]);
    sheet.lines("  Tolerations", tolerations.iter().map(toleration));
}

fn containers(sheet: &mut Sheet<'_>, title: &str, all: &Value, statuses: Option<&Value>) {
    // The lines of one container in their order: taken apart, nobody could read what they look like.
    let all = items(all);
    if all.is_empty() {
        sheet.put(&format!("{title}: <none>\n"));
        return;
    }
    sheet.put(&format!("{title}:\n"));
    let indent = if title.starts_with(' ') { "   " } else { "  " };
    for it in all {
        let name = text(it, &["name"]);
        sheet.put(&format!("{indent}{name}:\n"));
        let status = statuses.and_then(|all| items(all).iter().find(|it| it["name"] == name));
        if let Some(status) = status {
            sheet.field("    Container ID", text(status, &["containerID"]));
        }
        sheet.field("    Image", text(it, &["image"]));
        if let Some(status) = status {
            sheet.field("    Image ID", text(status, &["imageID"]));
        }
        ports(sheet, it);
        for (title, field) in [("Command", "command"), ("Args", "args")] {
            if !items(&it[field]).is_empty() {
                sheet.put(&format!("    {title}:\n"));
            }
            for word in items(&it[field]) {
                for line in shown(word).split('\n') {
                    sheet.put(&format!("      {line}\n"));
                }
            }
        }
        if let Some(status) = status {
            state(sheet, "State", &status["state"]);
            if !status["lastState"]["terminated"].is_null() {
                state(sheet, "Last State", &status["lastState"]);
            }
            sheet.field(
                "    Ready",
                if status["ready"] == true {
                    "True"
                } else {
                    "False"
                },
            );
            sheet.field("    Restart Count", &shown(&status["restartCount"]));
        }
        for (title, field) in [("Limits", "limits"), ("Requests", "requests")] {
            let amounts = texts(&it["resources"][field]);
            if !amounts.is_empty() {
                sheet.put(&format!("    {title}:\n"));
            }
            for (name, amount) in amounts {
                sheet.field(&format!("      {name}"), amount);
            }
        }
        for (title, field) in [
            ("Liveness", "livenessProbe"),
            ("Readiness", "readinessProbe"),
            ("Startup", "startupProbe"),
        ] {
            if !it[field].is_null() {
                sheet.field(&format!("    {title}"), &probe(&it[field]));
            }
        }
        environment(sheet, it);
    }
}

fn ports(sheet: &mut Sheet<'_>, it: &Value) {
    for (title, field) in [("Port", "containerPort"), ("Host Port", "hostPort")] {
        let all: Vec<String> = items(&it["ports"])
            .iter()
            .map(|it| {
                format!(
                    "{}/{}",
                    it[field].as_i64().unwrap_or(0),
                    text(it, &["protocol"])
                )
            })
            .collect();
        let plural = if all.len() > 1 { "s" } else { "" };
        let shown = if all.is_empty() {
            "<none>".to_owned()
        } else {
            all.join(", ")
        };
        sheet.field(&format!("    {title}{plural}"), &shown);
    }
}

fn state(sheet: &mut Sheet<'_>, title: &str, it: &Value) {
    let title = format!("    {title}");
    if !it["running"].is_null() {
        sheet.field(&title, "Running");
        sheet.field(
            "      Started",
            &Sheet::date(text(it, &["running", "startedAt"])),
        );
    } else if !it["terminated"].is_null() {
        let end = &it["terminated"];
        sheet.field(&title, "Terminated");
        for (title, field) in [("      Reason", "reason"), ("      Message", "message")] {
            if !text(end, &[field]).is_empty() {
                sheet.field(title, text(end, &[field]));
            }
        }
        sheet.field("      Exit Code", &shown(&end["exitCode"]));
        if end["signal"].as_i64().unwrap_or(0) > 0 {
            sheet.field("      Signal", &shown(&end["signal"]));
        }
        sheet.field("      Started", &Sheet::date(text(end, &["startedAt"])));
        sheet.field("      Finished", &Sheet::date(text(end, &["finishedAt"])));
    } else {
        sheet.field(&title, "Waiting");
        if !text(it, &["waiting", "reason"]).is_empty() {
            sheet.field("      Reason", text(it, &["waiting", "reason"]));
        }
    }
}

/// `http-get http://:http/healthz delay=5s timeout=1s period=10s #success=1 #failure=3`
fn probe(it: &Value) -> String {
    let number = |field: &str, or: i64| it[field].as_i64().unwrap_or(or);
    let attrs = format!(
        "delay={}s timeout={}s period={}s #success={} #failure={}",
        number("initialDelaySeconds", 0),
        number("timeoutSeconds", 1),
        number("periodSeconds", 10),
        number("successThreshold", 1),
        number("failureThreshold", 3),
    );
    let how = if !it["exec"].is_null() {
        let words: Vec<String> = items(&it["exec"]["command"]).iter().map(shown).collect();
        format!("exec [{}]", words.join(" "))
    } else if !it["httpGet"].is_null() {
        let get = &it["httpGet"];
        let scheme = match text(get, &["scheme"]) {
            "" => "http".to_owned(),
            scheme => scheme.to_lowercase(),
        };
        let host = text(get, &["host"]);
        format!(
            "http-get {scheme}://{host}:{}{}",
            shown(&get["port"]),
            text(get, &["path"])
        )
    } else if !it["tcpSocket"].is_null() {
        let socket = &it["tcpSocket"];
        format!(
            "tcp-socket {}:{}",
            text(socket, &["host"]),
            shown(&socket["port"])
        )
    } else if !it["grpc"].is_null() {
        format!(
            "grpc <pod>:{} {}",
            shown(&it["grpc"]["port"]),
            text(it, &["grpc", "service"])
        )
    } else {
        "unknown".to_owned()
    };
    format!("{how} {attrs}")
}

fn environment(sheet: &mut Sheet<'_>, it: &Value) {
    let variables = items(&it["env"]);
    if variables.is_empty() {
        sheet.field("    Environment", "<none>");
    } else {
        sheet.put("    Environment:\n");
    }
    for it in variables {
        let from = &it["valueFrom"];
        let value = if !from["fieldRef"].is_null() {
            let version = match text(from, &["fieldRef", "apiVersion"]) {
                "" => "v1",
                version => version,
            };
            format!(" ({version}:{})", text(from, &["fieldRef", "fieldPath"]))
        } else if !from["configMapKeyRef"].is_null() {
            reference(&from["configMapKeyRef"], "config map")
        } else if !from["secretKeyRef"].is_null() {
            reference(&from["secretKeyRef"], "secret")
        } else {
            text(it, &["value"]).to_owned()
        };
        sheet.field(&format!("      {}", text(it, &["name"])), &value);
    }
    let mounts = items(&it["volumeMounts"]);
    if mounts.is_empty() {
        sheet.field("    Mounts", "<none>");
    } else {
        sheet.put("    Mounts:\n");
    }
    let mut lines: Vec<String> = mounts
        .iter()
        .map(|it| {
            let way = if it["readOnly"] == true { "ro" } else { "rw" };
            format!(
                "      {} from {} ({way})\n",
                text(it, &["mountPath"]),
                text(it, &["name"])
            )
        })
        .collect();
    lines.sort();
    lines.iter().for_each(|it| sheet.put(it));
}

fn reference(it: &Value, what: &str) -> String {
    let optional = it["optional"] == true;
    format!(
        "<set to the key '{}' of {what} '{}'>  Optional: {optional}",
        text(it, &["key"]),
        text(it, &["name"])
    )
}

fn volumes(sheet: &mut Sheet<'_>, all: &Value, indent: &str) {
    let all = items(all);
    if all.is_empty() {
        sheet.field(&format!("{indent}Volumes"), "<none>");
        return;
    }
    sheet.put(&format!("{indent}Volumes:\n"));
    let more = if indent.is_empty() { "  " } else { "   " };
    for it in all {
        sheet.put(&format!("{more}{}:\n", text(it, &["name"])));
        let optional = |it: &Value| shown(&Value::Bool(it["optional"] == true));
        if !it["emptyDir"].is_null() {
            sheet.field(
                "    Type",
                "EmptyDir (a temporary directory that shares a pod's lifetime)",
            );
            sheet.field("    Medium", text(it, &["emptyDir", "medium"]));
            let limit = text(it, &["emptyDir", "sizeLimit"]);
            sheet.field(
                "    SizeLimit",
                if limit.is_empty() { "<unset>" } else { limit },
            );
        } else if !it["configMap"].is_null() {
            sheet.field("    Type", "ConfigMap (a volume populated by a ConfigMap)");
            sheet.field("    Name", text(it, &["configMap", "name"]));
            sheet.field("    Optional", &optional(&it["configMap"]));
        } else if !it["secret"].is_null() {
            sheet.field("    Type", "Secret (a volume populated by a Secret)");
            sheet.field("    SecretName", text(it, &["secret", "secretName"]));
            sheet.field("    Optional", &optional(&it["secret"]));
        } else if !it["hostPath"].is_null() {
            sheet.field("    Type", "HostPath (bare host directory volume)");
            sheet.field("    Path", text(it, &["hostPath", "path"]));
            sheet.field("    HostPathType", text(it, &["hostPath", "type"]));
        } else {
            sheet.put("  <unknown>\n");
        }
    }
}

fn toleration(it: &Value) -> String {
    let (key, value, effect) = (
        text(it, &["key"]),
        text(it, &["value"]),
        text(it, &["effect"]),
    );
    let mut line = key.to_owned();
    if !value.is_empty() {
        line.push_str(&format!("={value}"));
    }
    if !effect.is_empty() {
        line.push_str(&format!(":{effect}"));
    }
    if it["operator"] == "Exists" && value.is_empty() {
        line.push_str(if line.is_empty() {
            "op=Exists"
        } else {
            " op=Exists"
        });
    }
    if let Some(secs) = it["tolerationSeconds"].as_i64() {
        line.push_str(&format!(" for {secs}s"));
    }
    line
}
