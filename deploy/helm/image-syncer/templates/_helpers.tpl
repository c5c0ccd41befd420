{{- define "image-syncer.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{/* At most 50 letters: a CronJob's name has 52 at most, as its jobs' names are longer. */}}
{{- define "image-syncer.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains (include "image-syncer.name" .) .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "image-syncer.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "image-syncer.selectorLabels" -}}
app.kubernetes.io/name: {{ include "image-syncer.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "image-syncer.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "image-syncer.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "image-syncer.configMap" -}}
{{- .Values.existingConfigMap | default (include "image-syncer.fullname" .) }}
{{- end }}

{{/*
Another config begins the workers anew: they read it when they start. `lookup` finds nothing where no cluster is asked, such as by
`helm template`: there, a change of the existing ConfigMap cannot be seen.
*/}}
{{- define "image-syncer.configChecksum" -}}
{{- if .Values.existingConfigMap -}}
{{- get (lookup "v1" "ConfigMap" .Release.Namespace .Values.existingConfigMap) "data" | toJson | sha256sum }}
{{- else -}}
{{- toYaml .Values.config | sha256sum }}
{{- end }}
{{- end }}

{{- define "image-syncer.podMetadata" -}}
labels:
  {{- include "image-syncer.selectorLabels" . | nindent 2 }}
  {{- with .Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  checksum/config: {{ include "image-syncer.configChecksum" . }}
  {{- with .Values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/*
The only pod at a time that runs or plans has the claim; called with root and args. Workers and shards have no state: one that is lost
with its pod hides more than it saves (docs/state.md).
*/}}
{{- define "image-syncer.keepsState" -}}
{{- if and (eq .root.Values.state.type "pvc") (ne .root.Values.mode "shards") (not (has "worker" .args)) }}yes{{ end }}
{{- end }}

{{/* Flags that both ends of a fleet have: called with root and args. */}}
{{- define "image-syncer.fleetArgs" -}}
{{- $hasSecret := include "image-syncer.fleetSecret" . -}}
{{- with .root.Values.fleet -}}
- --fleet
- {{ .url | quote }}
{{- if and $hasSecret .credsKey }}
- --fleet-creds
- /etc/image-syncer-fleet/{{ .credsKey }}
{{- end }}
{{- if and $hasSecret .caKey }}
- --fleet-ca
- /etc/image-syncer-fleet/{{ .caKey }}
{{- end }}
{{- end }}
{{- end }}

{{/* Where a pod has its login at NATS from: called with root and args. */}}
{{- define "image-syncer.fleetSecret" -}}
{{- with .root.Values.fleet -}}
{{- if and .workerSecret (has "worker" $.args) }}{{ .workerSecret }}{{ else }}{{ .existingSecret }}{{ end }}
{{- end }}
{{- end }}

{{/* The pod: called with root, args and extraArgs (lists) and restartPolicy. */}}
{{- define "image-syncer.podSpec" -}}
{{- $root := .root -}}
{{- $fleetSecret := include "image-syncer.fleetSecret" . -}}
{{- $keepsState := include "image-syncer.keepsState" . -}}
{{- with .root -}}
restartPolicy: {{ $.restartPolicy }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ int64 .Values.terminationGracePeriodSeconds }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: image-syncer
    image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    args:
      {{- toYaml $.args | nindent 6 }}
      - --config
      - /etc/image-syncer/image-syncer.yaml
      {{- if $keepsState }}
      - --state
      - /var/lib/image-syncer/state
      {{- else }}
      - --no-state
      {{- end }}
      {{- if eq .Values.mode "fleet" }}
      {{- include "image-syncer.fleetArgs" $ | nindent 6 }}
      {{- if and .Values.fleet.workerInbox (has "worker" $.args) }}
      - --fleet-inbox
      - {{ .Values.fleet.workerInbox | quote }}
      {{- end }}
      {{- end }}
      {{- with $.extraArgs }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    env:
      - name: HOME
        value: /tmp
      {{- if eq .Values.mode "shards" }}
      - name: IMAGE_SYNCER_SHARDS
        value: {{ .Values.shards.count | quote }}
      {{- end }}
      {{- with .Values.extraEnv }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- with .Values.existingSecret }}
    envFrom:
      - secretRef:
          name: {{ . }}
    {{- end }}
    resources:
      {{- toYaml .Values.resources | nindent 6 }}
    securityContext:
      {{- toYaml .Values.securityContext | nindent 6 }}
    volumeMounts:
      - name: config
        mountPath: /etc/image-syncer
        readOnly: true
      - name: tmp
        mountPath: /tmp
      {{- if $keepsState }}
      - name: state
        mountPath: /var/lib/image-syncer
      {{- end }}
      {{- if or .Values.caSecret .Values.caConfigMap }}
      - name: ca
        mountPath: /etc/image-syncer-ca
        readOnly: true
      {{- end }}
      {{- if and (eq .Values.mode "fleet") $fleetSecret }}
      - name: fleet
        mountPath: /etc/image-syncer-fleet
        readOnly: true
      {{- end }}
volumes:
  - name: config
    configMap:
      name: {{ include "image-syncer.configMap" . }}
  - name: tmp
    emptyDir: {}
  {{- if $keepsState }}
  - name: state
    persistentVolumeClaim:
      claimName: {{ .Values.state.existingClaim | default (include "image-syncer.fullname" .) }}
  {{- end }}
  {{- if .Values.caSecret }}
  - name: ca
    secret:
      secretName: {{ .Values.caSecret }}
  {{- else if .Values.caConfigMap }}
  - name: ca
    configMap:
      name: {{ .Values.caConfigMap }}
  {{- end }}
  {{- if and (eq .Values.mode "fleet") $fleetSecret }}
  - name: fleet
    secret:
      secretName: {{ $fleetSecret }}
      defaultMode: 0440
  {{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
