{{- define "seriatim.name" -}}
{{- printf "%s" .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "seriatim.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "seriatim.labels" -}}
{{ include "seriatim.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- /* Whether there is the port for who watches. */ -}}
{{- define "seriatim.http" -}}
{{- if or .Values.metrics.enabled .Values.metrics.serviceMonitor .Values.tls.secret }}true{{ end -}}
{{- end -}}

{{- /* What can't run isn't rendered. */ -}}
{{- define "seriatim.check" -}}
{{- if and (gt (int .Values.replicas) 1) (not .Values.store.secret) }}
{{- fail "replicas above 1 need a PostgreSQL that the hosts share: set store.secret" }}
{{- end }}
{{- if and (not .Values.insecure) (not .Values.tls.secret) }}
{{- fail "the server refuses to listen in plain text: set tls.secret, or insecure" }}
{{- end }}
{{- if and (include "seriatim.http" .) (ne .Values.insecure "all") }}
{{- fail "the pages for who watches are in plain text: with metrics or tls.secret set insecure=all (TLS stays)" }}
{{- end }}
{{- end -}}

{{- define "seriatim.pod" -}}
metadata:
  labels:
    {{- include "seriatim.labels" . | nindent 4 }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  # Its variables would look like the server's.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: seriatim
      image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      env:
        - name: POD_IP
          valueFrom:
            fieldRef:
              fieldPath: status.podIP
        - name: SERIATIM_LISTEN
          value: 0.0.0.0:7070
        {{- if .Values.store.secret }}
        - name: SERIATIM_STORE
          valueFrom:
            secretKeyRef:
              name: {{ .Values.store.secret }}
              key: url
        {{- if .Values.store.password }}
        - name: SERIATIM_STORE_PASSWORD_FILE
          value: /run/seriatim/store/password
        {{- end }}
        - name: SERIATIM_CLUSTER
          value: $(POD_IP):25520
        - name: SERIATIM_ADVERTISE
          value: $(POD_IP):7070
        {{- else }}
        - name: SERIATIM_DATA
          value: /data
        {{- end }}
        {{- if .Values.tls.secret }}
        - name: SERIATIM_TLS_CERTIFICATE
          value: /run/seriatim/tls/tls.crt
        - name: SERIATIM_TLS_KEY
          value: /run/seriatim/tls/tls.key
        {{- end }}
        {{- if .Values.tls.clientCaSecret }}
        - name: SERIATIM_TLS_CLIENT_CA
          value: /run/seriatim/client-ca/ca.crt
        {{- end }}
        {{- if .Values.insecure }}
        - name: SERIATIM_INSECURE
          value: {{ .Values.insecure | quote }}
        {{- end }}
        {{- if include "seriatim.http" . }}
        - name: SERIATIM_HTTP
          value: 0.0.0.0:7071
        {{- end }}
        {{- range $name, $value := .Values.options }}
        - name: SERIATIM_{{ $name | snakecase | upper }}
          value: {{ $value | quote }}
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - name: grpc
          containerPort: 7070
        {{- if include "seriatim.http" . }}
        - name: http
          containerPort: 7071
        {{- end }}
        {{- if .Values.store.secret }}
        - name: membership
          containerPort: 25520
        {{- end }}
      {{- if .Values.tls.secret }}
      livenessProbe:
        httpGet:
          path: /livez
          port: 7071
        failureThreshold: 6
      readinessProbe:
        httpGet:
          path: /readyz
          port: 7071
        periodSeconds: 3
      {{- else }}
      # It answers also while another host has the objects, or this one drains.
      livenessProbe:
        tcpSocket:
          port: 7070
        failureThreshold: 6
      readinessProbe:
        grpc:
          port: 7070
        periodSeconds: 3
      {{- end }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      volumeMounts:
        # SQLite's code is unpacked there.
        - name: tmp
          mountPath: /tmp
        {{- if not .Values.store.secret }}
        - name: data
          mountPath: /data
        {{- else if .Values.store.password }}
        - name: store
          mountPath: /run/seriatim/store
          readOnly: true
        {{- end }}
        {{- if .Values.tls.secret }}
        - name: tls
          mountPath: /run/seriatim/tls
          readOnly: true
        {{- end }}
        {{- if .Values.tls.clientCaSecret }}
        - name: client-ca
          mountPath: /run/seriatim/client-ca
          readOnly: true
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {}
    {{- if and .Values.store.secret .Values.store.password }}
    - name: store
      secret:
        secretName: {{ .Values.store.secret }}
        items:
          - key: password
            path: password
    {{- end }}
    {{- if .Values.tls.secret }}
    - name: tls
      secret:
        secretName: {{ .Values.tls.secret }}
    {{- end }}
    {{- if .Values.tls.clientCaSecret }}
    - name: client-ca
      secret:
        secretName: {{ .Values.tls.clientCaSecret }}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
