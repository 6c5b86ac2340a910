// An OPC UA server of node-opcua, for tests: see foreign_opcua.py, which starts it.
//
// The first line of standard input says how it is to be, as JSON; each line after that is an order:
//   {"do": "restart", "namespaces": [...], "pause_ms": 500}   stops, and starts with these in this order
//   {"do": "set", "uri": ..., "id": ..., "type": ..., "value": ..., "status": ...}
//   {"do": "drop", "uri": ..., "id": ...}                     takes a node away
// Each is answered with a line of JSON when it is done: {"namespaces": [...]} or {"error": ...}.

"use strict";

const fs = require("fs");
const path = require("path");
const readline = require("readline");

// What it has to say in words is not for the pipe that tests read.
console.log = console.warn = console.error;

const { OPCUAServer } = require("node-opcua-server");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");
const { nodesets } = require("node-opcua-nodesets");
const { DataType, Variant, VariantArrayType } = require("node-opcua-variant");
const { DataValue } = require("node-opcua-data-value");
const { StatusCodes } = require("node-opcua-status-code");
const { LocalizedText, QualifiedName } = require("node-opcua-data-model");
const { NodeId, NodeIdType } = require("node-opcua-nodeid");
const { DiagnosticInfo } = require("node-opcua-data-model");
const { MessageSecurityMode, SecurityPolicy } = require("node-opcua-secure-channel");

const TIME = new Date(Date.UTC(2026, 10, 2, 8, 0, 0, 125));
const GUID = "09087E75-8E5E-499B-954F-F2A9603DB28A";

// Every built-in type that a variable can have (OPC 10000-6, 5.1.2), with a value that shows its size.
const BUILT_IN = {
  Boolean: [DataType.Boolean, [true, false, true]],
  SByte: [DataType.SByte, [-128, 0, 127]],
  Byte: [DataType.Byte, [255, 0, 1]],
  Int16: [DataType.Int16, [-32768, 0, 32767]],
  UInt16: [DataType.UInt16, [65535, 0, 1]],
  Int32: [DataType.Int32, [-2147483648, 0, 2147483647]],
  UInt32: [DataType.UInt32, [4294967295, 0, 1]],
  Int64: [DataType.Int64, [[0xffffffff, 0xfffffffe], [0, 7], [0x7fffffff, 0xffffffff]]],
  UInt64: [DataType.UInt64, [[0x00200000, 1], [0, 7], [0, 0]]],
  Float: [DataType.Float, [21.5, -0.25, 0]],
  Double: [DataType.Double, [Math.PI, -1e-300, 0]],
  String: [DataType.String, ["阀门 DN50", "", "a"]],
  DateTime: [DataType.DateTime, [TIME, TIME, TIME]],
  Guid: [DataType.Guid, [GUID, GUID, GUID]],
  ByteString: [DataType.ByteString, [Buffer.from([0, 1, 254]), Buffer.from([]), Buffer.from([7])]],
  XmlElement: [DataType.XmlElement, ["<a>1</a>", "<b/>", "<c/>"]],
  NodeId: [DataType.NodeId, ["i=2258", "i=84", "i=85"].map((text) => node(text))],
  ExpandedNodeId: [DataType.ExpandedNodeId, ["i=2258", "i=84", "i=85"].map((text) => expanded(text))],
  StatusCode: [DataType.StatusCode, [StatusCodes.BadNodeIdUnknown, StatusCodes.Good, StatusCodes.Good]],
  QualifiedName: [DataType.QualifiedName, [1, 2, 3].map((n) => new QualifiedName({ namespaceIndex: 1, name: `q${n}` }))],
  LocalizedText: [DataType.LocalizedText, [new LocalizedText({ locale: "zh", text: "运行" }), new LocalizedText({ text: "idle" }), new LocalizedText({})]],
};
const CODES = ["BadSensorFailure", "BadWaitingForInitialData", "BadNotConnected", "UncertainLastUsableValue"];

function node(text) {
  return require("node-opcua-nodeid").resolveNodeId(text);
}

function expanded(text) {
  const { ExpandedNodeId } = require("node-opcua-nodeid");
  const plain = node(text);
  return new ExpandedNodeId(NodeIdType.NUMERIC, plain.value, 0, null, 0);
}

class Foreign {
  constructor(wanted) {
    this.wanted = wanted;
    this.server = null;
  }

  async start(namespaces) {
    const wanted = this.wanted;
    const pki = new OPCUACertificateManager({
      rootFolder: path.join(wanted.folder, "pki"),
      automaticallyAcceptUnknownCertificate: wanted.accept_all ?? true,
    });
    const users = new OPCUACertificateManager({
      rootFolder: path.join(wanted.folder, "users"),
      automaticallyAcceptUnknownCertificate: wanted.accept_all ?? true,
    });
    await pki.initialize();
    await users.initialize();
    const known = wanted.users ?? {};
    const options = {
      port: wanted.port,
      hostname: "127.0.0.1",
      host: "127.0.0.1",
      resourcePath: wanted.path ?? "/",
      nodeset_filename: [
        ...["standard", ...(wanted.nodesets ?? [])].map((name) => nodesets[name]),
        ...namespaces.map((uri, number) => this.types(uri, number)),
      ],
      serverCertificateManager: pki,
      userCertificateManager: users,
      serverInfo: { applicationUri: wanted.application ?? "urn:foreign:node-opcua" },
      buildInfo: { productName: "node-opcua", manufacturerName: "NodeOPCUA" },
      allowAnonymous: wanted.anonymous ?? true,
      disableDiscovery: true,
      userManager: { isValidUser: (name, password) => Object.hasOwn(known, name) && known[name] === password },
      serverCapabilities: { operationLimits: wanted.limits ?? {}, maxSessions: 50, ...(wanted.capabilities ?? {}) },
    };
    if (wanted.certificate) {
      options.certificateFile = wanted.certificate;
      options.privateKeyFile = wanted.key;
    }
    if (wanted.policies) {
      options.securityPolicies = wanted.policies.map((name) => SecurityPolicy[name]);
    }
    if (wanted.modes) {
      options.securityModes = wanted.modes.map((name) => MessageSecurityMode[name]);
    }
    this.server = new OPCUAServer(options);
    await this.server.initialize();
    const space = this.server.engine.addressSpace;
    for (const uri of namespaces) {
      this.fill(space, space.registerNamespace(uri), uri);
    }
    this.machines(space);
    await this.server.start();
  }

  get namespaces() {
    return this.server.engine.addressSpace.getNamespaceArray().map((one) => one.namespaceUri);
  }

  // Types can only come from a nodeset; each namespace has one, with the same ids.
  types(uri, number) {
    const structure = (id, name, fields) => `
      <UADataType NodeId="ns=1;i=${id}" BrowseName="1:${name}">
        <DisplayName>${name}</DisplayName>
        <References><Reference ReferenceType="i=45" IsForward="false">i=22</Reference></References>
        <Definition Name="1:${name}">${fields}</Definition>
      </UADataType>
      <UAObject NodeId="ns=1;i=${id + 2000}" BrowseName="Default Binary" SymbolicName="DefaultBinary">
        <DisplayName>Default Binary</DisplayName>
        <References>
          <Reference ReferenceType="i=38" IsForward="false">ns=1;i=${id}</Reference>
          <Reference ReferenceType="i=40">i=76</Reference>
        </References>
      </UAObject>`;
    const axis = '<Field Name="Position" DataType="i=11"/><Field Name="Name" DataType="i=12"/>' +
      '<Field Name="Limits" DataType="i=4" ValueRank="1" ArrayDimensions="0"/>';
    const cell = '<Field Name="Parts" DataType="i=7"/><Field Name="Axis" DataType="ns=1;i=3001"/>';
    const modes = ["Off", "Setup", "Automatic"].map((name, value) => `<Field Name="${name}" Value="${value}"/>`);
    const words = ["Off", "Setup", "Automatic"].map(
      (name) => `<uax:LocalizedText><uax:Locale/><uax:Text>${name}</uax:Text></uax:LocalizedText>`);
    const xml = `<?xml version="1.0" encoding="utf-8"?>
      <UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"
          xmlns:uax="http://opcfoundation.org/UA/2008/02/Types.xsd">
        <NamespaceUris><Uri>${uri}</Uri></NamespaceUris>
        <Models><Model ModelUri="${uri}" Version="1.0.0" PublicationDate="2026-01-01T00:00:00Z">
          <RequiredModel ModelUri="http://opcfoundation.org/UA/"/></Model></Models>
        ${structure(3001, "Axis", axis)}
        ${structure(3002, "CellStatus", cell)}
        <UADataType NodeId="ns=1;i=3003" BrowseName="1:MachineMode">
          <DisplayName>MachineMode</DisplayName>
          <References>
            <Reference ReferenceType="i=45" IsForward="false">i=29</Reference>
            <Reference ReferenceType="i=46">ns=1;i=3004</Reference>
          </References>
          <Definition Name="1:MachineMode">${modes.join("")}</Definition>
        </UADataType>
        <UAVariable NodeId="ns=1;i=3004" BrowseName="EnumStrings" DataType="i=21" ValueRank="1" ArrayDimensions="3">
          <DisplayName>EnumStrings</DisplayName>
          <References>
            <Reference ReferenceType="i=40">i=68</Reference>
            <Reference ReferenceType="i=46" IsForward="false">ns=1;i=3003</Reference>
          </References>
          <Value><uax:ListOfLocalizedText>${words.join("")}</uax:ListOfLocalizedText></Value>
        </UAVariable>
      </UANodeSet>`;
    const file = path.join(this.wanted.folder, `types-${number}.xml`);
    fs.mkdirSync(this.wanted.folder, { recursive: true });
    fs.writeFileSync(file, xml);
    return file;
  }

  // Each namespace holds the same ids with values of its own, so that a mix-up shows.
  fill(space, own, uri) {
    const root = own.addObject({ organizedBy: space.rootFolder.objects, browseName: "Foreign", nodeId: "s=Foreign", description: "A cell of a foreign maker" });
    const add = (parent, name, options) =>
      own.addVariable({ componentOf: parent, browseName: name, nodeId: `s=${name}`, accessLevel: "CurrentRead | CurrentWrite", ...options });
    add(root, "Namespace", { dataType: DataType.String, value: new Variant({ dataType: DataType.String, value: uri }) });
    const types = own.addObject({ componentOf: root, browseName: "Types", nodeId: "s=Types" });
    for (const [name, [dataType, values]] of Object.entries(BUILT_IN)) {
      add(types, name, { dataType, value: new Variant({ dataType, arrayType: VariantArrayType.Scalar, value: values[0] }) });
      add(types, `${name}Array`, {
        dataType,
        valueRank: 1,
        value: new Variant({ dataType, arrayType: VariantArrayType.Array, value: values }),
      });
    }
    add(types, "Matrix", {
      dataType: DataType.Double,
      valueRank: 2,
      arrayDimensions: [2, 3],
      value: new Variant({ dataType: DataType.Double, arrayType: VariantArrayType.Matrix, dimensions: [2, 3], value: [1, 2, 3, 4, 5, 6] }),
    });
    add(types, "Mode", { dataType: space.findDataType("MachineMode", own.index), value: new Variant({ dataType: DataType.Int32, value: 2 }) });
    this.structures(space, own, add, types);
    const bad = own.addObject({ componentOf: root, browseName: "Bad", nodeId: "s=Bad" });
    for (const code of CODES) {
      add(bad, code, { dataType: DataType.Double }).setValueFromSource(new Variant({ dataType: DataType.Double, value: 0 }), StatusCodes[code]);
    }
    add(bad, "NotReadable", { dataType: DataType.Double, accessLevel: "CurrentWrite", userAccessLevel: "CurrentWrite" });
    own.addVariable({
      componentOf: bad,
      browseName: "Slow",
      nodeId: "s=Slow",
      dataType: DataType.Double,
      value: {
        refreshFunc: (callback) =>
          setTimeout(() => callback(null, new DataValue({ value: { dataType: DataType.Double, value: 1 }, sourceTimestamp: new Date() })), this.wanted.slow_ms ?? 300),
      },
    });
    own.addAnalogDataItem({
      componentOf: root,
      browseName: "Pressure",
      nodeId: "s=Pressure",
      description: "Of the hydraulics",
      dataType: DataType.Double,
      value: new Variant({ dataType: DataType.Double, value: 63.5 }),
      engineeringUnitsRange: { low: 0, high: 250 },
      // OPC 10000-8, 5.6.4.3: the UNECE code BAR as a number.
      engineeringUnits: { namespaceUri: "http://www.opcfoundation.org/UA/units/un/cefact", unitId: 4342098, displayName: "bar", description: "bar" },
    });
    const many = own.addObject({ componentOf: root, browseName: "Many", nodeId: "s=Many" });
    for (let number = 0; number < (this.wanted.nodes ?? 0); number++) {
      add(many, `Many${number}`, { dataType: DataType.Double, value: new Variant({ dataType: DataType.Double, value: number + 0.5 }) });
    }
  }

  structures(space, own, add, parent) {
    const made = (name, held) => space.constructExtensionObject(space.findDataType(name, own.index), held);
    const x = { position: 12.25, name: "X", limits: [-5, 500] };
    const keep = (name, dataType, value, options) =>
      add(parent, name, {
        dataType: space.findDataType(dataType, own.index),
        value: new Variant({ dataType: DataType.ExtensionObject, value, ...options }),
        valueRank: options ? 1 : -1,
      });
    keep("Axis", "Axis", made("Axis", x));
    const y = { position: -1.5, name: "Y", limits: [] };
    keep("AxisArray", "Axis", [made("Axis", x), made("Axis", y)], { arrayType: VariantArrayType.Array });
    keep("CellStatus", "CellStatus", made("CellStatus", { parts: 41, axis: x }));
  }

  // One machine of each companion specification that is loaded, made from the type of its nodeset.
  machines(space) {
    const spaces = space.getNamespaceArray().map((one) => one.namespaceUri);
    const own = space.getOwnNamespace();
    const type = (uri, name) => {
      const index = spaces.indexOf(uri);
      return index < 0 ? null : space.findObjectType(name, index);
    };
    const tool = type("http://opcfoundation.org/UA/MachineTool/", "MachineToolType");
    if (tool) {
      const folder = space.rootFolder.objects.getFolderElementByName("Machines", spaces.indexOf("http://opcfoundation.org/UA/Machinery/"));
      tool.instantiate({ browseName: "Mill", organizedBy: folder ?? space.rootFolder.objects, namespace: own, nodeId: "s=Mill", optionals: this.wanted.optionals ?? [] });
    }
    const pack = type("http://opcfoundation.org/UA/PackML/", "PackMLBaseObjectType");
    if (pack) {
      pack.instantiate({ browseName: "Filler", organizedBy: space.rootFolder.objects, namespace: own, nodeId: "s=Filler", optionals: this.wanted.optionals ?? [] });
    }
  }

  find({ uri, id }) {
    const space = this.server.engine.addressSpace;
    const index = space.getNamespaceIndex(uri);
    const found = index < 0 ? null : space.findNode(`ns=${index};s=${id}`);
    if (!found) {
      throw new Error(`no node ${id} in ${uri}`);
    }
    return found;
  }

  async obey(order) {
    if (order.do === "restart") {
      await this.stop();
      await new Promise((done) => setTimeout(done, order.pause_ms ?? 0));
      await this.start(order.namespaces ?? this.wanted.namespaces);
    } else if (order.do === "set") {
      const status = StatusCodes[order.status ?? "Good"];
      this.find(order).setValueFromSource(new Variant({ dataType: DataType[order.type ?? "Double"], value: order.value }), status);
    } else if (order.do === "drop") {
      this.server.engine.addressSpace.deleteNode(this.find(order));
    } else {
      throw new Error(`no order ${order.do}`);
    }
  }

  async stop() {
    await this.server.shutdown(0);
  }
}

async function main() {
  const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const wanted = JSON.parse((await lines.next()).value);
  wanted.namespaces ??= ["urn:foreign:cell"];
  const foreign = new Foreign(wanted);
  const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");
  await foreign.start(wanted.namespaces);
  say({ namespaces: foreign.namespaces });
  for (let line = await lines.next(); !line.done; line = await lines.next()) {
    try {
      await foreign.obey(JSON.parse(line.value));
      say({ namespaces: foreign.namespaces });
    } catch (error) {
      say({ error: String(error.message ?? error) });
    }
  }
  process.exit(0);
}

main();
