"""The template and the code say the same: handlers, settings, routes, layers; and no policy gives more than it must."""

import ast
import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from contract.definitions import RESOURCES, ROOT, TEMPLATE, functions, of_type
from samtranslator.translator.transform import transform

from accord.anchors import ANCHORED

FUNCTION = pytest.mark.parametrize("name", sorted(functions()))
GLOBALS = TEMPLATE["Globals"]["Function"]
MAPPINGS = of_type("AWS::Lambda::EventSourceMapping")
# Actions that AWS offers for no resource. Each has its reason beside it in the template.
READ_A_STREAM = {
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
}
WITHOUT_RESOURCE = re.compile(
    r"^logs:(CreateLogDelivery|GetLogDelivery|UpdateLogDelivery|DeleteLogDelivery|ListLogDeliveries"
    r"|PutResourcePolicy|DescribeResourcePolicies|DescribeLogGroups)$"
    r"|^sns:CheckIfPhoneNumberIsOptedOut$"
)


def source(name: str) -> ast.Module:
    """The handler's module, parsed."""
    return ast.parse((ROOT / functions()[name]["CodeUri"] / "app.py").read_text(encoding="utf-8"))


def settings_read(tree: ast.AST) -> set[str]:
    """The environment variables that some code reads."""
    subscripts = (node for node in ast.walk(tree) if isinstance(node, ast.Subscript))
    return {
        node.slice.value
        for node in subscripts
        if isinstance(node.slice, ast.Constant) and ast.unparse(node.value) in ("os.environ", "environ")
    }


def shared_settings() -> dict[str, set[str]]:
    """What the shared helpers of `accord.aws` read, by the helper's name."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "layers" / "domain" / "accord" / "aws").glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and (read := settings_read(node)):
                found[node.name] = read
    return found


@FUNCTION
def test_every_setting_that_a_function_reads_is_given_and_every_given_one_is_read(name: str) -> None:
    tree = source(name)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    read = settings_read(tree)
    for helper, settings in shared_settings().items():
        if helper in imported:
            read |= settings
    given = set(functions()[name].get("Environment", {}).get("Variables", {}))
    assert read == given


@FUNCTION
def test_every_function_has_a_handler_of_its_own(name: str) -> None:
    properties = functions()[name]
    assert "Handler" not in properties, "the handler is app.handler everywhere"
    assert any(
        getattr(node, "name", None) == "handler"
        or (isinstance(node, ast.Assign) and "handler" in [ast.unparse(target) for target in node.targets])
        for node in source(name).body
    )


def test_every_folder_of_functions_is_in_the_template() -> None:
    folders = {f"functions/{path.parent.name}" for path in (ROOT / "functions").glob("*/app.py")}
    assert folders == {properties["CodeUri"] for properties in functions().values()}


def template_routes(name: str) -> set[tuple[str, str]]:
    """Method and path of every route that the template gives a function."""
    events = functions()[name].get("Events", {}).values()
    return {
        (event["Properties"]["Method"].upper(), event["Properties"]["Path"])
        for event in events
        if event["Type"] == "Api"
    }


def chalice_routes(name: str, monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """Method and path of every route of a function's Chalice application."""
    for variable in functions()[name]["Environment"]["Variables"]:
        monkeypatch.setenv(variable, "https://plan.bank.example" if variable == "PUBLIC_BASE_URL" else "something")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    folder = ROOT / functions()[name]["CodeUri"]
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    spec = importlib.util.spec_from_file_location(f"contract_{folder.name}", folder / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {(method, path) for path, methods in module.app.routes.items() for method in methods}


@pytest.mark.parametrize("name", ["CustomerWebFunction", "OpsWebFunction"])
def test_the_routes_of_the_applications_equal_the_routes_of_the_template(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert chalice_routes(name, monkeypatch) == template_routes(name)


def test_staff_routes_need_a_signed_request_and_customer_routes_are_open() -> None:
    for name, properties in functions().items():
        for event in properties.get("Events", {}).values():
            if event["Type"] != "Api":
                continue
            staff = event["Properties"]["Path"].startswith("/ops")
            assert staff == (name == "OpsWebFunction")
            assert event["Properties"].get("Auth", {}).get("Authorizer") == ("AWS_IAM" if staff else None)


# --- what the gateway itself answers ---------------------------------------------------------------------------

GATEWAY_RESPONSES = of_type("AWS::Serverless::Api")["Api"]["GatewayResponses"]
SAFE = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}
PLAIN = {"html", "head", "meta", "title", "body", "main", "section", "h1", "h2", "p", "small", "hr"}


def test_no_answer_of_the_gateway_is_left_in_its_own_words() -> None:
    assert {"MISSING_AUTHENTICATION_TOKEN", "DEFAULT_4XX", "DEFAULT_5XX"} <= set(GATEWAY_RESPONSES)
    assert [kind for kind, answer in GATEWAY_RESPONSES.items() if "StatusCode" in answer] == [
        "MISSING_AUTHENTICATION_TOKEN"
    ], "a status at a default would take the place of every other, of 429 and 504 too"


@pytest.mark.parametrize("kind", sorted(GATEWAY_RESPONSES))
def test_an_answer_of_the_gateway_is_a_plain_page_in_both_languages(kind: str) -> None:
    answer = GATEWAY_RESPONSES[kind]
    assert answer["ResponseParameters"] == {"Headers": {name: f"'{value}'" for name, value in SAFE.items()}}
    assert list(answer["ResponseTemplates"]) == ["application/json"], "another type would be for other browsers"
    page = answer["ResponseTemplates"]["application/json"]
    tags = re.findall(r"<(\w+)([^>]*)>", page)
    assert {tag for tag, _ in tags} <= PLAIN
    attributes = {name for _, given in tags for name in re.findall(r"([\w-]+)=", re.sub(r'"[^"]*"', "", given))}
    assert attributes == {"lang", "charset", "name", "content"}
    assert page.index('lang="zh-CN"') < page.index('lang="en"')
    assert "$" not in page, "the local gateway fills nothing in"
    assert not re.search(r"\d{3}", page), "the number to call is on the card, which the gateway does not know"


# --- policies --------------------------------------------------------------------------------------------------


def statements() -> list[tuple[str, dict[str, Any]]]:
    """Every statement of every policy that the application's roles get, with where it stands."""
    found: list[tuple[str, dict[str, Any]]] = []
    holders = functions() | of_type("AWS::Serverless::StateMachine")
    for name, properties in holders.items():
        for policy in properties.get("Policies", []):
            assert "Statement" in policy or set(policy) == {"Ref"}, f"{name}: policies are written out, not templates"
            found += [(name, statement) for statement in policy.get("Statement", [])]
    for name, properties in of_type("AWS::IAM::ManagedPolicy").items():
        found += [(name, statement) for statement in whatever_holds(properties["PolicyDocument"]["Statement"])]
    return found


def whatever_holds(statements: Any) -> list[dict[str, Any]]:
    """The statements of every branch of what depends on the parameters."""
    if isinstance(statements, list):
        return statements
    _, if_so, if_not = statements["Fn::If"]
    return whatever_holds(if_so) + whatever_holds(if_not)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_no_policy_has_a_star_where_a_resource_exists() -> None:
    for holder, statement in statements():
        if statement["Effect"] == "Deny":
            continue
        actions = as_list(statement["Action"])
        assert not [action for action in actions if "*" in action], f"{holder}: {actions}"
        if "NotResource" in statement:
            assert actions == ["sns:Publish"], holder  # a phone number is no resource; every topic is excluded
            continue
        if "*" in as_list(statement["Resource"]):
            assert all(WITHOUT_RESOURCE.match(action) for action in actions), f"{holder}: {actions} on everything"


@FUNCTION
def test_a_function_writes_to_the_applications_log_group_alone(name: str) -> None:
    """Whatever SAM's own policy allows, which names no log group: a Deny goes before every Allow."""
    assert {"Ref": "LogHereAlonePolicy"} in functions()[name]["Policies"]
    (statement,) = of_type("AWS::IAM::ManagedPolicy")["LogHereAlonePolicy"]["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert set(statement["Action"]) == {"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}
    assert all("FunctionsLogGroup" in str(resource) for resource in statement["NotResource"])
    assert GLOBALS["LoggingConfig"]["LogGroup"] == {"Ref": "FunctionsLogGroup"}


def test_nobody_may_change_or_delete_what_the_chain_says() -> None:
    for holder, statement in statements():
        if "EventsTable" in str(statement.get("Resource")):
            allowed = (
                READ_A_STREAM if "/stream/" in str(statement["Resource"]) else {"dynamodb:PutItem", "dynamodb:Query"}
            )
            assert set(as_list(statement["Action"])) <= allowed, holder


@FUNCTION
def test_an_event_that_a_function_gives_up_on_is_kept(name: str) -> None:
    """A rule or a schedule hands over and forgets: what fails inside the function, its own settings keep."""
    sources = {event["Type"] for event in functions()[name].get("Events", {}).values()}
    if sources & {"EventBridgeRule", "ScheduleV2", "Schedule", "S3", "SNS"}:
        assert functions()[name]["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Type"] == "SQS"


def test_only_those_who_talk_to_the_person_can_read_personal_data() -> None:
    readers = {
        holder
        for holder, statement in statements()
        if "PeopleTable" in str(statement.get("Resource")) and "dynamodb:GetItem" in as_list(statement["Action"])
    }
    assert readers == {"SealFunction", "CustomerWebFunction", "DeliverContactFunction"}


def test_staff_can_lift_a_lock_and_reach_nothing_else_that_lets_customers_in() -> None:
    granted = [
        (statement["Action"], statement.get("Condition"))
        for holder, statement in statements()
        if holder == "OpsWebFunction" and "AccessTable" in str(statement["Resource"])
    ]
    only_cases = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["CASE#*"]}}
    assert granted == [("dynamodb:UpdateItem", only_cases)]
    users_of_codes = {holder for holder, statement in statements() if "CodeKey" in str(statement.get("Resource"))}
    assert users_of_codes == {"CustomerWebFunction"}


def key_of(name: str) -> str | None:
    """The key that encrypts a table, a bucket or a queue: AWS asks whoever uses the one for the right to the other."""
    kind, properties = TEMPLATE["Resources"][name]["Type"], TEMPLATE["Resources"][name].get("Properties", {})
    match kind:
        case "AWS::DynamoDB::Table":
            key = properties["SSESpecification"]["KMSMasterKeyId"]
        case "AWS::S3::Bucket":
            (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
            key = rule["ServerSideEncryptionByDefault"].get("KMSMasterKeyID")
        case "AWS::SQS::Queue":
            key = properties["KmsMasterKeyId"]
        case _:
            return None
    return key and str(key["Fn::GetAtt"][0])  # the anchors need no key: what lies there is for everybody's eyes


NEEDED = {
    "dynamodb:GetItem": {"kms:Decrypt"},
    "dynamodb:ConditionCheckItem": {"kms:Decrypt"},
    "dynamodb:BatchGetItem": {"kms:Decrypt"},
    "dynamodb:Query": {"kms:Decrypt"},
    "dynamodb:PutItem": {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"},
    "dynamodb:UpdateItem": {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"},
    "dynamodb:DeleteItem": {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"},
    "s3:GetObject": {"kms:Decrypt"},
    "s3:PutObject": {"kms:GenerateDataKey"},
    "s3:ListBucket": set(),
    "sqs:SendMessage": {"kms:Decrypt", "kms:GenerateDataKey"},
    "sqs:ReceiveMessage": {"kms:Decrypt"},
    "sqs:DeleteMessage": set(),
    "sqs:GetQueueAttributes": set(),
} | {action: {"kms:Decrypt"} for action in READ_A_STREAM}


@pytest.mark.parametrize("name", sorted(functions() | of_type("AWS::Serverless::StateMachine")))
def test_who_uses_what_is_encrypted_may_use_its_key(name: str) -> None:
    """No local stack refuses a call for want of a key; AWS does."""
    properties = TEMPLATE["Resources"][name]["Properties"]
    holders = {name} | {policy["Ref"] for policy in properties["Policies"] if "Ref" in policy}
    needed: set[tuple[str, str]] = set()
    granted: set[tuple[str, str]] = set()
    for holder, statement in statements():
        if holder not in holders:
            continue
        named = set(re.findall(r"\w+", str(statement.get("Resource", ""))))
        if all(action.startswith("kms:") for action in as_list(statement["Action"])):
            granted |= {(key, action) for key in named for action in as_list(statement["Action"])}
            continue
        for key in {key_of(resource) for resource in named & set(TEMPLATE["Resources"])} - {None}:
            needed |= {(str(key), right) for action in as_list(statement["Action"]) for right in NEEDED[action]}
    assert needed <= granted, f"{name} lacks {sorted(needed - granted)}"


def test_a_key_beside_a_table_serves_through_the_table_alone() -> None:
    """Whoever may read a person in the table cannot decrypt billing's files and messages with the same key."""
    for holder, statement in statements():
        if "PeopleKey" in str(statement.get("Resource")) and holder in ("SealFunction", "CustomerWebFunction"):
            assert "dynamodb." in str(statement["Condition"]), holder


def test_what_may_be_disputed_is_anchored() -> None:
    assert tuple(RESOURCES["AnchorRule"]["Properties"]["EventPattern"]["detail-type"]) == ANCHORED


def test_the_anchors_are_locked_and_signed_by_a_key_that_nobody_else_uses() -> None:
    assert RESOURCES["AnchorsBucket"]["Properties"]["ObjectLockEnabled"] is True
    users = {holder for holder, statement in statements() if "AnchorKey" in str(statement.get("Resource"))}
    writers = {holder for holder, statement in statements() if "AnchorsBucket" in str(statement.get("Resource"))}
    assert users == {"AnchorPolicy"}
    assert writers - {"AnchorsBucketPolicy"} == {"AnchorPolicy"}


# --- the whole -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1"])
def test_the_template_translates_in_both_partitions(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)

    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    from samtranslator.yaml_helper import yaml_parse

    fragment = yaml_parse(text)
    for properties in (body["Properties"] for body in fragment["Resources"].values() if "Properties" in body):
        for key in ("CodeUri", "ContentUri", "DefinitionUri"):
            if key in properties:
                properties[key] = "s3://artifacts/built"

    class NoPolicies:
        def load(self) -> dict[str, str]:
            return {}

    translated = transform(fragment, {"AWS::Region": region}, NoPolicies())
    named = {
        name: str(body["Properties"]["Name"])
        for name, body in translated["Resources"].items()
        if "Name" in body.get("Properties", {})
    }
    assert all("Stage" in given for given in named.values()), "two stages may live in one account"
    kinds = {body["Type"] for body in translated["Resources"].values()}
    assert {"AWS::Lambda::Function", "AWS::StepFunctions::StateMachine", "AWS::ApiGateway::RestApi"} <= kinds
    assert "arn:aws:" not in text, "an ARN without ${AWS::Partition} does not work in China"
    roles = [body["Properties"] for body in translated["Resources"].values() if body["Type"] == "AWS::IAM::Role"]
    managed = {str(policy).rsplit("/", 1)[-1] for role in roles for policy in role.get("ManagedPolicyArns", [])}
    assert managed == {
        "AWSLambdaBasicExecutionRole",  # writing logs, which SAM gives every function
        "AmazonAPIGatewayPushToCloudWatchLogs'}",
        "{'Ref': 'AnchorPolicy'}",
        "{'Ref': 'ChangeCasePolicy'}",
        "{'Ref': 'LogHereAlonePolicy'}",
        "{'Ref': 'SendTextsPolicy'}",
    }, "SAM adds what AWS wrote for every account, with a star"


@pytest.mark.parametrize("name", sorted(MAPPINGS))
def test_a_function_may_read_what_it_is_bound_to_and_hand_on_what_it_gives_up(name: str) -> None:
    """SAM would give a function the right to read every queue and stream of the account; here it is written out."""
    mapping = MAPPINGS[name]
    source, attribute = mapping["EventSourceArn"]["Fn::GetAtt"]
    stream = attribute == "StreamArn"
    resource = {"Fn::Sub": f"${{{source}.Arn}}/stream/*"} if stream else {"Fn::GetAtt": [source, "Arn"]}
    reading = READ_A_STREAM if stream else {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
    own = [statement for holder, statement in statements() if holder == mapping["FunctionName"]["Ref"]]
    assert [set(as_list(statement["Action"])) for statement in own if statement.get("Resource") == resource] == [
        reading
    ]
    if stream:
        failed = mapping["DestinationConfig"]["OnFailure"]["Destination"]
        assert ("sqs:SendMessage", failed) in [(statement["Action"], statement.get("Resource")) for statement in own]


def test_every_queue_that_functions_read_has_a_dead_letter_queue_and_patience() -> None:
    queues = of_type("AWS::SQS::Queue")
    read = [mapping for mapping in MAPPINGS.values() if mapping["EventSourceArn"]["Fn::GetAtt"][0] in queues]
    assert read
    for mapping in read:
        queue = queues[mapping["EventSourceArn"]["Fn::GetAtt"][0]]
        assert "RedrivePolicy" in queue
        name = mapping["FunctionName"]["Ref"]
        assert queue["VisibilityTimeout"] >= 6 * functions()[name].get("Timeout", GLOBALS["Timeout"]), name


def test_a_batch_that_fails_in_part_gives_back_that_part_alone() -> None:
    assert all(mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for mapping in MAPPINGS.values())


def test_every_log_group_forgets_after_a_time() -> None:
    groups = of_type("AWS::Logs::LogGroup")
    assert groups
    assert all("RetentionInDays" in properties for properties in groups.values())


def test_no_state_machine_logs_what_it_carries() -> None:
    for properties in of_type("AWS::Serverless::StateMachine").values():
        assert properties["Logging"]["IncludeExecutionData"] is False


def test_every_makefile_target_of_a_layer_is_the_layers_name() -> None:
    for name, properties in of_type("AWS::Serverless::LayerVersion").items():
        makefile = Path(ROOT / properties["ContentUri"] / "Makefile").read_text(encoding="utf-8")
        assert f"build-{name}:" in makefile


@pytest.mark.parametrize(
    ("function", "queue"), [("IntakeFunction", "IntakeQueue"), ("DeliverContactFunction", "ContactQueue")]
)
def test_a_function_knows_after_how_many_tries_its_queue_gives_up(function: str, queue: str) -> None:
    given_up_after = TEMPLATE["Resources"][queue]["Properties"]["RedrivePolicy"]["maxReceiveCount"]
    assert functions()[function]["Environment"]["Variables"]["MAX_RECEIVES"] == given_up_after
