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

{{- define "image-syncer.podMetadata" -}}
labels:
  {{- include "image-syncer.selectorLabels" . | nindent 2 }}
  {{- with .Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  checksum/config: {{ toYaml .Values.config | sha256sum }}
  {{- with .Values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* Only one pod may write a claim or a state: shards and workers do without, unless an emptyDir of their own. */}}
{{- define "image-syncer.keepsState" -}}
{{- if or (eq .Values.state.type "emptyDir") (and (eq .Values.state.type "pvc") (eq .Values.mode "cronjob")) }}yes{{ end }}
{{- end }}

{{/* Flags that both ends of a fleet have. */}}
{{- define "image-syncer.fleetArgs" -}}
- --fleet
- {{ .Values.fleet.url | quote }}
{{- with .Values.fleet.credsKey }}
- --fleet-creds
- /etc/image-syncer-fleet/{{ . }}
{{- end }}
{{- with .Values.fleet.caKey }}
- --fleet-ca
- /etc/image-syncer-fleet/{{ . }}
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
{{- with .root -}}
restartPolicy: {{ $.restartPolicy }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
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
      {{- if include "image-syncer.keepsState" . }}
      - --state
      - /var/lib/image-syncer/state
      {{- end }}
      {{- if eq .Values.mode "fleet" }}
      {{- include "image-syncer.fleetArgs" . | nindent 6 }}
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
      {{- if include "image-syncer.keepsState" . }}
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
  {{- if include "image-syncer.keepsState" . }}
  - name: state
    {{- if eq .Values.state.type "pvc" }}
    persistentVolumeClaim:
      claimName: {{ .Values.state.existingClaim | default (include "image-syncer.fullname" .) }}
    {{- else }}
    emptyDir:
      sizeLimit: {{ .Values.state.size }}
    {{- end }}
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
